//! A curve as a picture.

use crate::measure::{Curve, Outcome};
use plotters::prelude::*;
use plotters::style::full_palette::{BLUE_700, BROWN, GREEN_700, GREY, ORANGE, PURPLE, RED_600, TEAL};

const COLORS: [RGBColor; 8] = [BLUE_700, RED_600, GREEN_700, ORANGE, PURPLE, TEAL, BROWN, GREY];
const SIZE: (u32, u32) = (860, 460);

/// How large, and how long it took.
type Point = (f64, f64);

/// The curve as SVG: a line for each contender, both axes by powers of ten.
pub fn svg(curve: &Curve, outcomes: &[&Outcome]) -> String {
    let mut text = String::new();
    draw(curve, &lines(outcomes), outcomes[0].unit, &mut text).expect("a picture in memory");
    text
}

/// Each contender with its points, in microseconds a unit.
fn lines<'o>(outcomes: &[&'o Outcome]) -> Vec<(&'o str, Vec<Point>)> {
    let mut lines: Vec<(&str, Vec<Point>)> = Vec::new();
    for outcome in outcomes {
        let size = outcome.point.map_or(1, |(_, size)| size) as f64;
        for entry in &outcome.entries {
            let point = (size, entry.median(|times| times.wall) * 1e6);
            match lines.iter_mut().find(|(name, _)| *name == entry.name) {
                Some((_, points)) => points.push(point),
                None => lines.push((&entry.name, vec![point])),
            }
        }
    }
    lines
}

type Failure = Box<dyn std::error::Error>;

fn draw(curve: &Curve, lines: &[(&str, Vec<Point>)], unit: &str, text: &mut String) -> Result<(), Failure> {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let range = |of: fn(&Point) -> f64, margin: f64| {
        let low = points().map(of).fold(f64::INFINITY, f64::min);
        let high = points().map(of).fold(0.0, f64::max);
        low / margin..high * margin
    };
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(|error| error.to_string())?;
    let mut chart = ChartBuilder::on(&root)
        .caption(curve.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(range(|point| point.0, 1.1).log_scale(), range(|point| point.1, 1.3).log_scale())
        .map_err(|error| error.to_string())?;
    chart
        .configure_mesh()
        .x_desc(curve.of)
        .y_desc(format!("µs a {unit}"))
        .light_line_style(WHITE.mix(0.0))
        .x_label_formatter(&|size| thousands(*size))
        .y_label_formatter(&|micros| format!("{}", (micros * 1e6).round() / 1e6))
        .draw()
        .map_err(|error| error.to_string())?;
    for ((name, points), color) in lines.iter().zip(COLORS.iter().cycle()) {
        let line = LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3);
        let key = move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], color.stroke_width(2));
        chart.draw_series(line).map_err(|error| error.to_string())?.label(*name).legend(key);
    }
    chart
        .configure_series_labels()
        .position(free_corner(lines))
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()
        .map_err(|error| error.to_string())?;
    root.present().map_err(|error| error.to_string())?;
    drop(chart);
    drop(root);
    Ok(())
}

/// Where no line runs behind the names: those that rise leave the left, those that fall the right.
fn free_corner(lines: &[(&str, Vec<Point>)]) -> SeriesLabelPosition {
    let highest = |at: fn(&[Point]) -> Option<&Point>| {
        lines.iter().filter_map(|(_, points)| at(points)).map(|point| point.1).fold(0.0, f64::max)
    };
    if highest(|points| points.first()) < highest(|points| points.last()) {
        SeriesLabelPosition::UpperLeft
    } else {
        SeriesLabelPosition::UpperRight
    }
}

/// `10,000`.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Entry, Times};

    #[test]
    fn a_line_for_each_contender() {
        let curve = Curve { file: "keys", title: "MGET by its keys", of: "keys" };
        let outcome = |size: u64| Outcome {
            title: String::new(),
            unit: "key",
            point: Some((curve, size)),
            beside: 0,
            entries: ["one", "other"]
                .map(|name| Entry {
                    name: name.to_owned(),
                    rounds: vec![Times { wall: 1e-6 / size as f64, ..Times::default() }],
                    system_calls: None,
                    allocations: None,
                    is_alone: true,
                })
                .into(),
        };
        let outcomes = [10, 1_000, 1_000_000].map(outcome);
        let svg = svg(&curve, &outcomes.iter().collect::<Vec<_>>());
        for text in ["<svg", "one", "other", "MGET by its keys", "1,000,000", "µs a key"] {
            assert!(svg.contains(text), "no {text} in {svg}");
        }
        assert!(svg.matches("<polyline").count() >= 2, "{svg}");
    }
}
