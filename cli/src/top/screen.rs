//! The live screen.

use super::table::{self, aligned, Column};
use super::watch::{Server, State, Watch};
use super::Wish;
use crate::interrupt::Interrupt;
use crate::session::Ran;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use ratatui::Frame;
use std::io;
use std::time::Duration;

/// The intervals between which the keys choose, in milliseconds.
const INTERVALS: [u64; 8] = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];
/// How often the screen looks for something new.
const TICK: Duration = Duration::from_millis(100);
/// The last line.
const KEYS: &str = "q quit  p pause  s/S sort  R reverse  +/- interval  r replicas  arrows scroll";

/// What is seen.
struct View {
    servers: Vec<Server>,
    sort: Column,
    reversed: bool,
    paused: bool,
    replicas: bool,
    scroll: u16,
}

/// Gives the terminal back, whatever happens.
struct Terminal(ratatui::DefaultTerminal);

impl Terminal {
    fn take() -> io::Result<Terminal> {
        ratatui::try_init().map(Terminal)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows the servers until somebody has seen enough.
///
/// # Errors
/// When the terminal cannot be used.
pub fn show(watch: &Watch, wish: &Wish) -> io::Result<Ran> {
    let interrupt = Interrupt::watch(false)?;
    let mut terminal = Terminal::take()?;
    let mut view = View {
        servers: Vec::new(),
        sort: wish.sort,
        reversed: wish.reversed,
        paused: false,
        replicas: true,
        scroll: 0,
    };
    while !interrupt.came() {
        if !view.paused {
            view.servers = watch.servers();
        }
        let interval = watch.interval();
        terminal.0.draw(|frame| view.draw(frame, interval))?;
        if event::poll(TICK)? {
            if let Event::Key(key) = event::read()? {
                if key.kind != KeyEventKind::Release && view.press(key, watch) {
                    break;
                }
            }
        }
    }
    Ok(Ran::Answered)
}

impl View {
    /// What a key does; whether it ends the screen.
    fn press(&mut self, key: KeyEvent, watch: &Watch) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if control => return true,
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') | KeyCode::Right => self.sort = self.sort.next(1),
            KeyCode::Char('S') | KeyCode::Left => self.sort = self.sort.next(table::COLUMNS.len() - 1),
            KeyCode::Char('R') => self.reversed = !self.reversed,
            KeyCode::Char('r') => self.replicas = !self.replicas,
            KeyCode::Char('+' | '=') => watch.set_interval(longer(watch.interval())),
            KeyCode::Char('-') => watch.set_interval(shorter(watch.interval())),
            KeyCode::Down => self.scroll = self.scroll.saturating_add(1),
            KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            _ => {}
        }
        false
    }

    fn draw(&mut self, frame: &mut Frame<'_>, interval: Duration) {
        let patience = super::patience(interval);
        let mut servers = self.servers.clone();
        table::sort(&mut servers, self.sort, self.reversed);
        let slow = slow_commands(&servers);
        servers.retain(|server| server.master || self.replicas);
        let mut lines: Vec<table::Line> = servers.iter().map(|server| server.line(patience)).collect();
        lines.extend(table::total_line(&self.servers));

        let text = aligned(&lines);
        let rows: Vec<Line<'_>> =
            text[1..].iter().zip(&lines).map(|(text, line)| Line::styled(text, style(line))).collect();
        let table_height = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let slow_height = u16::try_from(slow.len() + 1).unwrap_or(u16::MAX);
        let [title, head, body, slowest, _, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Max(table_height),
            Constraint::Length(if slow.is_empty() { 0 } else { slow_height.min(frame.area().height / 3) }),
            Constraint::Fill(1),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        self.scroll = self.scroll.min(table_height.saturating_sub(body.height));
        frame.render_widget(Paragraph::new(self.title(interval)), title);
        let bold = Style::new().add_modifier(Modifier::REVERSED);
        frame.render_widget(Paragraph::new(format!("{:<1$}", text[0], usize::from(head.width))).style(bold), head);
        frame.render_widget(Paragraph::new(rows).scroll((self.scroll, 0)), body);
        frame.render_widget(Paragraph::new(slow), slowest);
        frame.render_widget(Paragraph::new(KEYS).style(Style::new().add_modifier(Modifier::DIM)), keys);
    }

    fn title(&self, interval: Duration) -> String {
        let masters = self.servers.iter().filter(|server| server.master);
        let (count, down) =
            (masters.clone().count(), masters.filter(|server| matches!(server.state, State::Down(_))).count());
        let down = if down > 0 { format!(", {down} of them down") } else { String::new() };
        let direction = if self.reversed { ", reversed" } else { "" };
        let paused = if self.paused { "  PAUSED" } else { "" };
        let nodes = if count == 1 { "node" } else { "nodes" };
        let (interval, sort) = (interval.as_secs_f64(), self.sort.name());
        format!("rediscluster top  {count} {nodes}{down}  every {interval} s  by {sort}{direction}{paused}")
    }
}

fn style(line: &table::Line) -> Style {
    match (&line.remark, line.cells[0].as_str()) {
        (Some(_), _) => Style::new().fg(Color::Red),
        (None, "total") => Style::new().add_modifier(Modifier::BOLD),
        (None, _) => Style::new(),
    }
}

/// The slow commands of all servers, newest first, with a head; nothing when there are none.
fn slow_commands(servers: &[Server]) -> Vec<Line<'static>> {
    let mut all: Vec<_> =
        servers.iter().flat_map(|server| server.slow.iter().map(move |slow| (server, slow))).collect();
    all.sort_by_key(|(_, slow)| std::cmp::Reverse(slow.unix_time));
    if all.is_empty() {
        return Vec::new();
    }
    let width = all.iter().map(|(server, _)| server.name.chars().count()).max().unwrap_or(0);
    let line = |(server, slow): &(&Server, &super::reading::Slow)| {
        let milliseconds = slow.micros as f64 / 1000.0;
        Line::from(format!("{:<width$}  {milliseconds:>9.1} ms  {}", server.name, slow.command))
    };
    let head = Line::styled("Slow commands, newest first", Style::new().add_modifier(Modifier::BOLD));
    std::iter::once(head).chain(all.iter().map(line)).collect()
}

fn longer(interval: Duration) -> Duration {
    let millis = INTERVALS.into_iter().find(|&millis| Duration::from_millis(millis) > interval);
    millis.map_or(interval, Duration::from_millis)
}

fn shorter(interval: Duration) -> Duration {
    let millis = INTERVALS.into_iter().rev().find(|&millis| Duration::from_millis(millis) < interval);
    millis.map_or(interval, Duration::from_millis)
}
