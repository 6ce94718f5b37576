//! Charts as SVG: drawn here, so that they need no script, with the same numbers as a table behind them.

use nac_store::TrafficBucket;

use super::Moment;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 180.0;
/// Room for the numbers at the left and the hours below.
const LEFT: f64 = 44.0;
const BELOW: f64 = 22.0;
const ABOVE: f64 = 8.0;
/// More bars than this cannot be told apart.
const BARS_MAX: usize = 56;
/// Hours or days that are written below.
const TICKS: usize = 6;

/// Accepts and refusals over time, one upon the other.
pub(super) struct Chart {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) base: f64,
    pub(super) top: f64,
    /// What it shows, for those who do not see it.
    pub(super) label: String,
    pub(super) peak: i64,
    pub(super) bars: Vec<Bar>,
    pub(super) ticks: Vec<(f64, String)>,
    pub(super) rows: Vec<Span>,
}

/// One rectangle.
pub(super) struct Bar {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) tone: &'static str,
}

/// One line of the table.
pub(super) struct Span {
    pub(super) at: Moment,
    pub(super) accepts: i64,
    pub(super) refusals: i64,
}

impl Chart {
    /// The traffic of `hours` hours.
    pub(super) fn of(traffic: &[TrafficBucket], hours: i64) -> Self {
        let traffic = grouped(traffic);
        let total = |count: fn(&TrafficBucket) -> i64| traffic.iter().map(count).sum::<i64>();
        let (accepts, refusals) = (total(|span| span.accepts), total(|span| span.refusals));
        let peak = traffic
            .iter()
            .map(|span| span.accepts + span.refusals)
            .max()
            .unwrap_or_default()
            .max(1);
        let base = HEIGHT - BELOW;
        let step = (WIDTH - LEFT) / traffic.len().max(1) as f64;
        let scale = (base - ABOVE) / peak as f64;
        let mut bars = Vec::new();
        for (place, span) in traffic.iter().enumerate() {
            let x = LEFT + step * place as f64 + step * 0.1;
            let accepted = span.accepts as f64 * scale;
            let refused = span.refusals as f64 * scale;
            let parts = [(0.0, accepted, "good"), (accepted, refused, "bad")];
            for (from, height, tone) in parts.into_iter().filter(|(_, height, _)| *height > 0.0) {
                bars.push(Bar {
                    x: rounded(x),
                    y: rounded(base - from - height),
                    width: rounded(step * 0.8),
                    height: rounded(height.max(1.0)),
                    tone,
                });
            }
        }
        Self {
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            base,
            top: ABOVE,
            label: format!(
                "Answers of the last {hours} hours: {accepts} accepted, {refusals} refused, at most {peak} in one bar"
            ),
            peak,
            bars,
            ticks: ticks(&traffic, step, hours),
            rows: traffic
                .iter()
                .rev()
                .map(|span| Span {
                    at: Moment(span.at_us),
                    accepts: span.accepts,
                    refusals: span.refusals,
                })
                .collect(),
        }
    }
}

/// So many neighbours together that the bars can be told apart.
fn grouped(traffic: &[TrafficBucket]) -> Vec<TrafficBucket> {
    let size = traffic.len().div_ceil(BARS_MAX).max(1);
    traffic
        .chunks(size)
        .filter_map(|chunk| {
            Some(TrafficBucket {
                at_us: chunk.first()?.at_us,
                accepts: chunk.iter().map(|span| span.accepts).sum(),
                refusals: chunk.iter().map(|span| span.refusals).sum(),
            })
        })
        .collect()
}

fn ticks(traffic: &[TrafficBucket], step: f64, hours: i64) -> Vec<(f64, String)> {
    let format = if hours > 48 { "%m-%d" } else { "%H:%M" };
    traffic
        .iter()
        .enumerate()
        .step_by(traffic.len().div_ceil(TICKS).max(1))
        .filter_map(|(place, span)| {
            let at = jiff::Timestamp::from_microsecond(span.at_us).ok()?;
            let local = at.to_zoned(jiff::tz::TimeZone::system());
            Some((
                rounded(LEFT + step * place as f64),
                local.strftime(format).to_string(),
            ))
        })
        .collect()
}

/// A tenth of a pixel is fine enough.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_the_ground_and_inside_the_picture() {
        let traffic: Vec<TrafficBucket> = (0..289)
            .map(|place| TrafficBucket {
                at_us: place * 300_000_000,
                accepts: place,
                refusals: place % 7,
            })
            .collect();
        let chart = Chart::of(&traffic, 24);
        assert!(chart.rows.len() <= BARS_MAX);
        let sum: i64 = chart.rows.iter().map(|row| row.accepts).sum();
        assert_eq!(sum, (0..289).sum::<i64>());
        for bar in &chart.bars {
            assert!(bar.x >= LEFT && bar.x + bar.width <= WIDTH + 0.1);
            assert!(bar.y >= 0.0 && bar.y + bar.height <= chart.base + 1.1);
        }
        assert!(Chart::of(&[], 24).bars.is_empty());
    }
}
