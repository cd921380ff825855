//! The rows as a picture: how far above or below 10GbE each size of frames is.

use std::path::Path;

use plotters::prelude::*;

use crate::Error;
use crate::case::{Load, Mode, Pattern, Size};
use crate::row::Row;

/// Pixels.
const SIZE: (u32, u32) = (1000, 560);
/// The top of the picture.
const MOST: f64 = 2.2;

/// Draws the line rate ratio of fixed sizes over the size: AES-256, one SA, a colour for each mode, both directions at once bold and each by
/// itself thin.
///
/// # Errors
/// [`Error::Picture`].
pub fn draw(path: &Path, rows: &[Row]) -> Result<(), Error> {
    paint(path, rows).map_err(|error| Error::Picture { path: path.display().to_string(), reason: error.to_string() })
}

fn paint(path: &Path, rows: &[Row]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Plain frames, 10GbE line rate at 156.25 MHz: both directions at once (bold), TX or RX alone (thin)", ("sans-serif", 18))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d((60f64..10_000f64).log_scale(), 0f64..MOST)?;
    chart
        .configure_mesh()
        .x_desc("bytes of the plain frame, FCS included")
        .y_desc("ratio of line rate, each way")
        .x_label_formatter(&|bytes| format!("{bytes:.0}"))
        .y_label_formatter(&|ratio| format!("{ratio:.1}"))
        .light_line_style(TRANSPARENT)
        .draw()?;
    chart
        .draw_series(LineSeries::new([(60.0, 1.0), (10_000.0, 1.0)], BLACK.stroke_width(2)))?
        .label("10GbE")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 24, y)], BLACK.stroke_width(2)));
    for ((mode, family), color) in Mode::ALL.into_iter().zip([BLUE, RED, RGBColor(0, 130, 60), RGBColor(180, 100, 0)]) {
        for load in Load::ALL {
            let of = |row: &&Row| {
                (row.mode, row.family, row.direction, row.pattern, row.key_bits) == (mode, family, load, Pattern::One, 256)
                    && row.size != Size::Imix
            };
            let points: Vec<_> = rows.iter().filter(of).map(|row| (row.frame_bytes, row.line_rate_ratio.min(MOST))).collect();
            if points.is_empty() {
                continue;
            }
            let (style, dots) = if load == Load::Both { (color.stroke_width(3), 4) } else { (color.mix(0.45).stroke_width(1), 2) };
            chart.draw_series(points.iter().map(|point| Circle::new(*point, dots, style.color.filled())))?;
            let line = chart.draw_series(LineSeries::new(points, style))?;
            if load == Load::Both {
                line.label(format!("{mode} {family}")).legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
            }
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 13))
        .draw()?;
    area.present()?;
    Ok(())
}
