//! Group commit. Partitions with new records line up here; a thread takes the first, writes its file to the medium with
//! one `fdatasync`, and tells the partition how far it is safe now. While that runs, more appends gather behind it, so
//! the slower the disk, the more records each `fdatasync` carries. Partitions that have never been flushed, whose names and files are
//! all new to the medium, are taken all at once.

use std::{
    collections::VecDeque,
    io, iter,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
};

use parking_lot::{Condvar, Mutex};

/// Threads that flush, for each log directory.
const THREADS: usize = 2;

/// Something that can be flushed.
pub(crate) trait Flushable: Send + Sync + Sized + 'static {
    /// Where this thing stands in the queue.
    fn flush_state(&self) -> &FlushState;

    /// Writes everything appended so far to the medium and acts on it. Called by one thread at a time.
    fn flush(&self);

    /// It has never been flushed: [`Flushable::flush_together`] does that with others.
    fn is_first_flush(&self) -> bool;

    /// [`Flushable::flush`] of each, which was never done before.
    fn flush_together(items: &[Arc<Self>]);
}

/// Where something stands: idle, queued, being flushed, or being flushed with more to come.
#[derive(Debug, Default)]
pub(crate) struct FlushState(AtomicU8);

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const FLUSHING: u8 = 2;
const FLUSHING_AGAIN: u8 = 3;

impl FlushState {
    /// There is something to flush; true when it has to be queued.
    fn request(&self) -> bool {
        let next = |state| match state {
            IDLE => Some(QUEUED),
            FLUSHING => Some(FLUSHING_AGAIN),
            _ => None,
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) == Ok(IDLE)
    }

    fn begin(&self) {
        self.0.store(FLUSHING, Ordering::Release);
    }

    /// True when it has to be queued again.
    fn end(&self) -> bool {
        if self
            .0
            .compare_exchange(FLUSHING, IDLE, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            return false;
        }
        self.0.store(QUEUED, Ordering::Release);
        true
    }
}

struct Queue<T> {
    waiting: VecDeque<Arc<T>>,
    stopped: bool,
}

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    arrived: Condvar,
}

/// The flushing threads of one log directory.
pub(crate) struct Flusher<T> {
    shared: Arc<Shared<T>>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl<T: Flushable> Flusher<T> {
    /// Starts the threads.
    pub(crate) fn start() -> io::Result<Self> {
        let queue = Queue {
            waiting: VecDeque::new(),
            stopped: false,
        };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            arrived: Condvar::new(),
        });
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new()
                .name("flusher".to_owned())
                .spawn(move || run(&shared))?;
            threads.push(thread);
        }
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
        })
    }

    /// Without threads: [`Self::flush_one`] flushes.
    #[cfg(test)]
    pub(crate) fn idle() -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            stopped: false,
        };
        let shared = Shared {
            queue: Mutex::new(queue),
            arrived: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
            threads: Mutex::default(),
        }
    }

    /// Flushes what is first in the queue; false when that is empty.
    #[cfg(test)]
    pub(crate) fn flush_one(&self) -> bool {
        let first = self.shared.queue.lock().take();
        let any = !first.is_empty();
        if any {
            self.shared.flush(first);
        }
        any
    }

    /// Asks for `item` to be flushed soon.
    pub(crate) fn request(&self, item: &Arc<T>) {
        if item.flush_state().request() {
            self.shared.queue.lock().waiting.push_back(Arc::clone(item));
            self.shared.arrived.notify_one();
        }
    }

    /// Flushes what is queued and ends the threads.
    pub(crate) fn stop(&self) {
        self.shared.queue.lock().stopped = true;
        self.shared.arrived.notify_all();
        for thread in self.threads.lock().drain(..) {
            // A panic in there has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

impl<T: Flushable> Queue<T> {
    /// The first of the queue, with all others that are worth flushing with it.
    fn take(&mut self) -> Vec<Arc<T>> {
        let Some(first) = self.waiting.pop_front() else {
            return Vec::new();
        };
        if !first.is_first_flush() {
            return vec![first];
        }
        let (together, rest): (VecDeque<_>, _) = self.waiting.drain(..).partition(|item| item.is_first_flush());
        self.waiting = rest;
        iter::once(first).chain(together).collect()
    }
}

impl<T: Flushable> Shared<T> {
    fn flush(&self, items: Vec<Arc<T>>) {
        for item in &items {
            item.flush_state().begin();
        }
        match items.as_slice() {
            [item] if !item.is_first_flush() => item.flush(),
            items => T::flush_together(items),
        }
        let mut queue = self.queue.lock();
        let again = items.into_iter().filter(|item| item.flush_state().end());
        queue.waiting.extend(again);
    }
}

fn run<T: Flushable>(shared: &Shared<T>) {
    let mut queue = shared.queue.lock();
    loop {
        let items = queue.take();
        if items.is_empty() {
            if queue.stopped {
                return;
            }
            shared.arrived.wait(&mut queue);
            continue;
        }
        drop(queue);
        shared.flush(items);
        queue = shared.queue.lock();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize};

    use super::*;

    #[derive(Default)]
    struct File {
        state: FlushState,
        written: AtomicI64,
        flushed: AtomicI64,
        inside: AtomicUsize,
        /// Flushed with others at first.
        together: AtomicBool,
    }

    impl Flushable for File {
        fn flush_state(&self) -> &FlushState {
            &self.state
        }

        fn flush(&self) {
            assert_eq!(self.inside.fetch_add(1, Ordering::SeqCst), 0, "one flush at a time");
            let written = self.written.load(Ordering::SeqCst);
            thread::yield_now();
            self.flushed.store(written, Ordering::SeqCst);
            self.inside.fetch_sub(1, Ordering::SeqCst);
        }

        fn is_first_flush(&self) -> bool {
            self.flushed.load(Ordering::SeqCst) == 0
        }

        fn flush_together(items: &[Arc<Self>]) {
            for item in items {
                item.together.store(true, Ordering::SeqCst);
                item.flush();
            }
        }
    }

    #[test]
    fn first_flushes_are_one_and_the_others_keep_their_places() {
        let flusher = Flusher::idle();
        let files: Vec<_> = (0..5).map(|_| Arc::new(File::default())).collect();
        let flushed_before = &files[2];
        flushed_before.flushed.store(1, Ordering::SeqCst);
        for file in &files {
            file.written.store(2, Ordering::SeqCst);
            flusher.request(file);
        }
        assert!(flusher.flush_one());
        for file in &files {
            let alone = Arc::ptr_eq(file, flushed_before);
            assert_eq!(file.flushed.load(Ordering::SeqCst), if alone { 1 } else { 2 });
            assert_eq!(file.together.load(Ordering::SeqCst), !alone);
        }
        assert!(flusher.flush_one());
        assert_eq!(flushed_before.flushed.load(Ordering::SeqCst), 2);
        assert!(!flusher.flush_one());
    }

    #[test]
    fn nothing_requested_stays_unflushed() {
        let flusher = Flusher::start().unwrap();
        let files: Vec<_> = (0..3).map(|_| Arc::new(File::default())).collect();
        for round in 1..=2000 {
            for file in &files {
                file.written.store(round, Ordering::SeqCst);
                flusher.request(file);
            }
        }
        flusher.stop();
        for file in &files {
            assert_eq!(file.flushed.load(Ordering::SeqCst), 2000);
        }
    }
}
