//! How many elements of a key are read at once.

/// About how many bytes both servers may say in one page of a large key.
const BYTES: usize = 1 << 20;
/// The most elements of a page, whatever their size.
const MOST: usize = 5_000;
/// Elements in the first page of a large key, any of which may be large.
const FIRST: usize = 16;

/// The next page of a key.
pub struct Page {
    count: usize,
}

impl Page {
    /// For a key that takes no more than so many bytes.
    pub fn new(size: u64) -> Page {
        Page { count: if size <= super::SMALL { MOST } else { FIRST } }
    }

    /// How many elements to ask for.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What a page was like, from which the size of the next one follows.
    pub fn took(&mut self, elements: usize, bytes: usize) {
        if let Some(each) = bytes.checked_div(elements) {
            // The next ones may be larger.
            self.count = (BYTES / each.max(1)).clamp(1, self.count.saturating_mul(4).min(MOST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_the_size_of_what_is_on_them() {
        let mut page = Page::new(1 << 30);
        assert_eq!(page.count(), 16);
        page.took(16, 16 * 10);
        assert_eq!(page.count(), 64);
        page.took(64, 64 << 10);
        assert_eq!(page.count(), 256);
        page.took(256, 256 << 20);
        assert_eq!(page.count(), 1);
        (0..10).for_each(|_| page.took(1, 1));
        assert_eq!(page.count(), 5_000);
        assert_eq!(Page::new(100).count(), 5_000);
    }
}
