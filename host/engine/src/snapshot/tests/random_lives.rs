//! Lives that nobody thought of: whatever a guest does, and whenever it is captured, dropped and restored, it is as its
//! model is.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Wasm pages that a guest of these tests never grows past.
const WASM_PAGES_MAX: usize = 80;

/// What can happen to a guest.
#[derive(Debug, Clone)]
enum Event {
    /// It writes, somewhere in its memory (in 1/256 of it), so many words.
    Fill {
        place: u8,
        words: usize,
        seed: u64,
    },
    Grow(usize),
    /// A checkpoint.
    Capture,
    /// The process ends, and the actor goes on from its last checkpoint.
    Restore,
    /// The same, in an instance that maps an image.
    RestoreFromImage,
    /// The instance is replaced by a fork of its last capture.
    Fork,
}

fn events() -> impl Strategy<Value = Event> {
    // A few words, a few pages, or so much that the guest gets an image of its own.
    let words = prop_oneof![4 => 1..9_usize, 2 => 1..4096_usize, 1 => 140_000..200_000_usize];
    prop_oneof![
        6 => (any::<u8>(), words, 1..u64::MAX).prop_map(|(place, words, seed)| Event::Fill { place, words, seed }),
        2 => (0..20_usize).prop_map(Event::Grow),
        4 => Just(Event::Capture),
        2 => Just(Event::Restore),
        1 => Just(Event::RestoreFromImage),
        1 => Just(Event::Fork),
    ]
}

/// A guest with its checkpoint, and what the model was then.
struct Life {
    twins: Twins,
    kept: Kept,
    then: Model,
}

impl Life {
    async fn begin() -> Life {
        let mut twins = Twins::born_of(&LINKED).await;
        let mut kept = Kept::default();
        kept.add(&twins.capture().await);
        Life { kept, then: twins.model.clone(), twins }
    }

    async fn happen(&mut self, event: &Event) {
        let size_bytes = self.twins.model.memory.len();
        match *event {
            Event::Fill { place, words, seed } => {
                let at = size_bytes / 256 * usize::from(place);
                self.twins.fill(at, (8 * words).min(size_bytes - at), seed).await;
            }
            Event::Grow(pages) => {
                let room = WASM_PAGES_MAX - size_bytes / WASM_PAGE_BYTES;
                self.twins.grow(pages.min(room)).await;
            }
            Event::Capture => {
                let capture = self.twins.capture().await;
                self.kept.add(&capture);
                self.then = self.twins.model.clone();
            }
            Event::Restore => {
                let restored = LINKED.restore(&self.kept.snapshot(), &services(), "").await;
                self.go_on_in(restored.expect("it goes on"));
            }
            Event::RestoreFromImage => {
                let image = LINKED.image(&self.kept.snapshot(), &services()).await.expect("it has an image");
                let restored = LINKED.instantiate_from(&image, &services(), "").await;
                self.go_on_in(restored.expect("it goes on"));
            }
            Event::Fork => {
                let capture = self.twins.capture().await;
                self.kept.add(&capture);
                self.then = self.twins.model.clone();
                if let Some(image) = capture.image() {
                    let fork = LINKED.instantiate_from(image, &services(), "").await;
                    self.go_on_in(fork.expect("it forks"));
                }
            }
        }
    }

    fn go_on_in(&mut self, guest: Instance) {
        self.twins = Twins { guest, model: self.then.clone() };
    }
}

static LINKED: LazyLock<Linked> = LazyLock::new(|| testing::linked(&heap(), Limits::default()));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_guest_is_as_its_model_whatever_happens(events in vec(events(), 1..20)) {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        tokio.block_on(async {
            let mut life = Life::begin().await;
            for event in &events {
                life.happen(event).await;
                life.twins.assert_alike(&format!("{event:?}")).await;
            }
        });
    }
}
