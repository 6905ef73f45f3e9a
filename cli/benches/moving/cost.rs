//! What processes cost, as the kernel counts it: seconds of a processor, and memory.

use rediscluster_testing::Server;

/// The kernel counts in hundredths of a second on every system that it is built for.
const TICKS: f64 = 100.0;

/// What a server has worked since it was started.
pub fn of(server: &Server) -> f64 {
    fields(&format!("/proc/{}/stat", server.pid()), &[14, 15])
}

/// What all programs have worked that this one started and that have ended.
pub fn of_children() -> f64 {
    fields("/proc/self/stat", &[16, 17])
}

/// The sum of fields, which proc(5) counts from 1.
fn fields(path: &str, numbers: &[usize]) -> f64 {
    let text = std::fs::read_to_string(path).expect("a system with /proc");
    // The second field is a name, which may have spaces, in parentheses.
    let behind: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |number: &usize| behind[number - 3].parse::<f64>().expect("a number");
    numbers.iter().map(field).sum::<f64>() / TICKS
}

/// The most memory that a process has taken so far, in bytes; nothing when it has ended.
pub fn memory(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}
