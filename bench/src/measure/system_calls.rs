//! System calls of all threads of this process, counted by the kernel where it lets us.

/// The kernel's counter.
pub struct SystemCalls(Result<Counter, String>);

#[cfg(target_os = "linux")]
type Counter = perf_event::Counter;
#[cfg(not(target_os = "linux"))]
type Counter = std::convert::Infallible;

impl SystemCalls {
    /// Counts threads that are started later, so it has to be made before them.
    pub fn counter() -> SystemCalls {
        SystemCalls(open())
    }

    /// Why there is no count, if there is none.
    pub fn missing(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }

    /// How many there are while the work is done.
    #[cfg(target_os = "linux")]
    pub fn during(&mut self, work: impl FnOnce()) -> Option<u64> {
        let Ok(counter) = &mut self.0 else {
            work();
            return None;
        };
        let before = counter.read().ok()?;
        counter.enable().ok()?;
        work();
        counter.disable().ok()?;
        Some(counter.read().ok()? - before)
    }

    /// There is none to count.
    #[cfg(not(target_os = "linux"))]
    pub fn during(&mut self, work: impl FnOnce()) -> Option<u64> {
        work();
        None
    }
}

#[cfg(target_os = "linux")]
fn open() -> Result<Counter, String> {
    use perf_event::{events::Tracepoint, Builder};
    let folders = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
    let read = |folder| std::fs::read_to_string(format!("{folder}/events/raw_syscalls/sys_enter/id"));
    let id = folders.into_iter().find_map(|folder| read(folder).ok()?.trim().parse().ok());
    let id = id.ok_or("the kernel's tracepoints cannot be read, which takes root")?;
    let mut builder = Builder::new(Tracepoint::with_id(id));
    // Threads, and not the servers, which are processes.
    builder.include_kernel().inherit(true).inherit_thread(true);
    builder.build().map_err(|error| format!("the kernel gives no counter: {error}"))
}

#[cfg(not(target_os = "linux"))]
fn open() -> Result<Counter, String> {
    Err("they are counted on Linux only".into())
}
