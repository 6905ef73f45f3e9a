//! What every program has: arguments and a line of output.

fn main() {
    let nodes = std::env::args().nth(1).unwrap_or_default();
    println!("{nodes}");
}
