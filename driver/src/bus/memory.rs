//! Pages of this process that a device, real or simulated, reads and writes as well.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Size of a page. A host with larger pages maps whole ones of its own.
pub const PAGE: usize = 4096;

/// Zeroed pages, shared between those that hold a clone. Offsets count bytes from the beginning.
///
/// # Panics
/// Every access panics past the end; offsets never come from outside.
#[derive(Clone)]
pub struct Pages(Arc<Region>);

struct Region {
    address: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the region is owned, and every access to it is atomic.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `Pages::new` with this length, and nobody holds it any more.
        let _ = unsafe { munmap(self.address.as_ptr().cast(), self.bytes) };
    }
}

impl Pages {
    /// At least `bytes` of them, rounded up to whole pages.
    ///
    /// # Errors
    /// The operating system has none.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let page = rustix::param::page_size().max(PAGE);
        let bytes = bytes.max(1).checked_next_multiple_of(page).ok_or(io::ErrorKind::OutOfMemory)?;
        let flags = MapFlags::PRIVATE | MapFlags::POPULATE;
        // SAFETY: a new mapping, at no given address.
        let address = unsafe { mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, flags)? };
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self(Arc::new(Region { address, bytes })))
    }

    /// Bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.bytes
    }

    /// Never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Address in this process, for those who map it elsewhere.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.0.address.as_ptr()
    }

    fn byte(&self, offset: usize) -> &AtomicU8 {
        assert!(offset < self.0.bytes, "offset {offset} of {} bytes", self.0.bytes);
        // SAFETY: inside the region, which lives as long as `self`; all accesses of this process are atomic.
        unsafe { AtomicU8::from_ptr(self.0.address.as_ptr().add(offset)) }
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset < self.0.bytes, "word at {offset} of {} bytes", self.0.bytes);
        // SAFETY: as in `byte`; pages are aligned, and so is the offset.
        unsafe { AtomicU32::from_ptr(self.0.address.as_ptr().add(offset).cast()) }
    }

    /// A little-endian word. What the other side wrote before it is seen by what is read after it (acquire).
    #[must_use]
    pub fn load(&self, offset: usize) -> u32 {
        u32::from_le(self.word(offset).load(Ordering::Acquire))
    }

    /// Writes a little-endian word. Whoever sees it sees what was written before it (release).
    pub fn store(&self, offset: usize, value: u32) {
        self.word(offset).store(value.to_le(), Ordering::Release);
    }

    /// Copies bytes out.
    pub fn read(&self, offset: usize, bytes: &mut [u8]) {
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = self.byte(offset + at).load(Ordering::Relaxed);
        }
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate() {
            self.byte(offset + at).store(*byte, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").field("bytes", &self.0.bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_zeroed_pages_that_clones_share() {
        let pages = Pages::new(5000).unwrap();
        assert!(pages.len() >= 8192 && pages.len().is_multiple_of(PAGE));
        let other = pages.clone();
        pages.write(4094, &[1, 2, 3, 4]);
        let mut bytes = [0; 6];
        other.read(4093, &mut bytes);
        assert_eq!(bytes, [0, 1, 2, 3, 4, 0]);
        other.store(8, 0x0403_0201);
        pages.read(8, &mut bytes[..4]);
        assert_eq!(bytes[..4], [1, 2, 3, 4]);
        assert_eq!(pages.load(4096), 0x0403);
    }
}
