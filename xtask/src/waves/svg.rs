//! A timing diagram as SVG: a row a signal, a column a clock.

/// What a signal shows in a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Level {
    /// A wire.
    Bit(bool),
    /// A bus, as it is written.
    Bus(String),
    /// A bus whose value means nothing.
    Idle,
}

/// Consecutive clocks of all signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// Its number.
    pub number: u64,
    /// Levels, in the order of the diagram's signals.
    pub levels: Vec<Level>,
}

const COLUMN: usize = 50;
const ROW: usize = 26;
const HIGH: usize = 16;
/// Of a changing bus.
const SLOPE: usize = 4;
const STYLE: &str = "text{font:11px monospace;fill:#222}.n{text-anchor:end}.v,.c{text-anchor:middle}.c{fill:#888;font-size:9px}\
     path{fill:none;stroke:#222;stroke-width:1.2}.g{stroke:#ddd;stroke-width:1}.i{fill:#ddd}.b{fill:#eef3fb}.cut{stroke:#fff;stroke-width:5}";

/// Draws `clocks`; between those that do not follow each other the picture is cut. Clocks begin with a rising edge, at the grey lines.
pub fn draw(title: &str, signals: &[&str], clocks: &[Clock]) -> String {
    let names = 16 + 7 * signals.iter().map(|name| name.len()).max().unwrap_or_default();
    let (width, height) = (names + COLUMN * clocks.len() + 12, ROW * (signals.len() + 1) + 34);
    let x = |column: usize| names + COLUMN * column;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"8\" y=\"14\">{title}</text>\n"
    );
    for (column, clock) in clocks.iter().enumerate() {
        svg += &format!("<path class=\"g\" d=\"M{0} 34V{height}\"/>\n", x(column));
        svg += &format!("<text class=\"c\" x=\"{}\" y=\"30\">{}</text>\n", x(column) + COLUMN / 2, clock.number);
    }
    let mut row = |index: usize, name: &str, body: String| {
        let y = 38 + ROW * index;
        svg += &format!("<g transform=\"translate(0 {y})\">\n<text class=\"n\" x=\"{}\" y=\"12\">{name}</text>\n{body}</g>\n", names - 8);
    };
    let ticks: String = (0..clocks.len()).map(|_| format!("V0h{0}V{HIGH}h{0}", COLUMN / 2)).collect();
    row(0, "clock", format!("<path d=\"M{names} {HIGH}{ticks}\"/>\n"));
    for (index, name) in signals.iter().enumerate() {
        let levels: Vec<_> = clocks.iter().map(|clock| &clock.levels[index]).collect();
        row(index + 1, name, signal(&levels, &x));
    }
    for (column, pair) in clocks.windows(2).enumerate() {
        if pair[0].number + 1 != pair[1].number {
            svg += &format!("<path class=\"cut\" d=\"M{0} 34V{height}\"/>\n", x(column + 1));
        }
    }
    svg + "</svg>\n"
}

/// Equal neighbours are drawn as one.
fn signal(levels: &[&Level], x: &impl Fn(usize) -> usize) -> String {
    let mut body = String::new();
    let mut bits = String::new();
    let mut column = 0;
    for run in levels.chunk_by(|a, b| a == b) {
        let (from, to) = (x(column), x(column + run.len()));
        column += run.len();
        match run[0] {
            Level::Bit(bit) => {
                let y = if *bit { 0 } else { HIGH };
                bits += &if bits.is_empty() { format!("M{from} {y}H{to}") } else { format!("V{y}H{to}") };
            }
            bus => {
                let class = if *bus == Level::Idle { "i" } else { "b" };
                let (middle, left, right) = (HIGH / 2, from + SLOPE, to - SLOPE);
                body +=
                    &format!("<path class=\"{class}\" d=\"M{from} {middle}L{left} 0H{right}L{to} {middle}L{right} {HIGH}H{left}Z\"/>\n");
                if let Level::Bus(value) = bus {
                    body += &format!("<text class=\"v\" x=\"{}\" y=\"12\">{value}</text>\n", usize::midpoint(from, to));
                }
            }
        }
    }
    if bits.is_empty() { body } else { format!("{body}<path d=\"{bits}\"/>\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_one_and_a_gap_is_cut() {
        let clock = |number, bit, bus: &str| Clock { number, levels: vec![Level::Bit(bit), Level::Bus(bus.into())] };
        let svg = draw("t", &["valid", "data"], &[clock(3, false, "a"), clock(4, true, "a"), clock(9, true, "b")]);
        assert_eq!(svg.matches(">a<").count(), 1, "{svg}");
        assert_eq!(svg.matches("class=\"cut\"").count(), 1, "{svg}");
        let names = 16 + 7 * "valid".len();
        let [x0, x1, x3] = [0, 1, 3].map(|column| names + COLUMN * column);
        assert!(svg.contains(&format!("M{x0} {HIGH}H{x1}V0H{x3}")), "{svg}");
    }
}
