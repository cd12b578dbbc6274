//! The names of objects. All of them are made of digests, so they have one spelling and the same length for
//! every actor, and can be the names of files anywhere.

use object_store::path::Path;

use crate::digest::Digest;

pub(super) const HEADS: &str = "heads";
pub(super) const LETTERS: &str = "checkpoints";
pub(super) const CHUNKS: &str = "chunks";
pub(super) const COMPONENTS: &str = "components";

/// How many letters of a chunk's digest name its folder: a folder on shared storage may come to have millions.
const FOLDER_LETTERS: usize = 2;

/// The bucket's mark.
pub(super) fn mark() -> Path {
    Path::from("belljar-bucket")
}

/// The head of an actor.
pub(super) fn head(name: &str) -> Path {
    Path::from_iter([HEADS, &Digest::of(name.as_bytes()).to_string()])
}

/// The letter with this digest.
pub(super) fn letter(digest: Digest) -> Path {
    Path::from_iter([LETTERS, &digest.to_string()])
}

pub(super) fn component(digest: Digest) -> Path {
    Path::from_iter([COMPONENTS, &digest.to_string()])
}

pub(super) fn chunk(digest: Digest) -> Path {
    let digest = digest.to_string();
    Path::from_iter([CHUNKS, &digest[..FOLDER_LETTERS], &digest])
}

/// What to do about an object that is damaged.
pub(super) fn remedy(key: &Path) -> &'static str {
    if *key == mark() {
        "while no other process uses the bucket, remove this object: the next push makes it anew"
    } else if key.prefix_matches(&Path::from(HEADS)) {
        "`belljar checkpoint rm NAME --from URL` removes the actor of this object, and whoever has it can push it again"
    } else {
        "an older checkpoint of the actor in the bucket may be whole"
    }
}

/// The digest that an object is named by, if it is.
pub(super) fn digest_of(key: &Path) -> Option<Digest> {
    key.filename()?.parse().ok()
}
