//! An actor that trains a small convolutional network. The tensors are the host's, and a part of the actor's state like
//! its memory: it can be stopped between any two calls, and goes on to the last bit.
//!
//! There is nothing to download: the images are made, from ten patterns with noise upon them.

mod images;
mod network;

use belljar_guest::tensor::{self, Engine, Error, Tensor};
use belljar_guest::{config, metrics, progress, state};
use serde::Deserialize;

use crate::images::Images;
use crate::network::Network;

belljar_guest::plugin!(
    r#"
    package belljar:trainer;

    world trainer {
        include belljar:plugin/actor@0.1.0;
        import belljar:plugin/tensor@0.1.0;

        /// How the training goes.
        record progress {
            /// Steps since the beginning.
            step: u64,
            /// The loss of the last step: the mean cross-entropy of its batch.
            loss: f32,
            /// Which part of the last batch the network got right before the step.
            accuracy: f32,
            /// What the network is made of.
            parameters: u64,
            /// What the tensors take of the host's memory, with the optimiser's.
            tensor-bytes: u64,
        }

        /// Takes the configuration, of which every field may be left out: `seed` (0), `batch` (64), `channels` (32),
        /// `hidden` (146), `learning_rate` (0.001) and `engine` ("auto"), which may be "cpu" or "device" too.
        export init: func(config: string) -> result<_, string>;

        /// Trains for so many steps. Reports how far it is, and the metric `loss`.
        export train: func(steps: u32) -> result<progress, string>;

        /// How the training goes.
        export progress: func() -> result<progress, string>;

        /// Every number of the network, in the order of its layers: as 32-bit floats, little-endian.
        export weights: func() -> result<list<u8>, string>;

        /// XXH3-64 of these bytes: the same exactly if two networks are the same to the last bit.
        export fingerprint: func() -> result<u64, string>;
    }"#
);

state! {
    /// None before `init`.
    static TRAINING: Option<Training> = None;
}

/// What is trained, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    seed: u64,
    batch: u32,
    channels: u32,
    hidden: u32,
    learning_rate: f64,
    engine: ComputedBy,
}

/// What computes.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ComputedBy {
    #[default]
    Auto,
    Cpu,
    Device,
}

impl From<ComputedBy> for Engine {
    fn from(engine: ComputedBy) -> Self {
        match engine {
            ComputedBy::Auto => Self::Auto,
            ComputedBy::Cpu => Self::Cpu,
            ComputedBy::Device => Self::Device,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 0, batch: 64, channels: 32, hidden: 146, learning_rate: 0.001, engine: ComputedBy::Auto }
    }
}

struct Training {
    images: Images,
    network: Network,
    step: u64,
    loss: f32,
    accuracy: f32,
}

impl Training {
    fn new(settings: &Settings) -> Result<Self, Error> {
        tensor::use_engine(settings.engine.into())?;
        let images = Images::new(settings.seed, settings.batch)?;
        let network = Network::new(settings)?;
        Ok(Self { images, network, step: 0, loss: f32::NAN, accuracy: 0.0 })
    }

    fn train(&mut self) -> Result<(), Error> {
        let (images, labels) = self.images.batch(self.step)?;
        let scores = self.network.scores(&images)?;
        self.accuracy = part_right(&scores, &labels)?;
        self.loss = self.network.learn(&scores, &labels)?;
        self.step += 1;
        Ok(())
    }

    fn progress(&self) -> Result<Progress, Error> {
        Ok(Progress {
            step: self.step,
            loss: self.loss,
            accuracy: self.accuracy,
            parameters: self.network.parameters_count()?,
            tensor_bytes: tensor::memory().used,
        })
    }
}

/// Which part of the images the network takes for what they are.
fn part_right(scores: &Tensor, labels: &[u32]) -> Result<f32, Error> {
    let taken_for = scores.argmax(1)?;
    let right = taken_for.iter().zip(labels).filter(|(taken, label)| taken == label).count();
    Ok(right as f32 / labels.len() as f32)
}

struct Trainer;

impl Guest for Trainer {
    fn init(config: String) -> Result<(), String> {
        let settings: Settings = config::parse(&config)?;
        TRAINING.set(Some(Training::new(&settings).map_err(|error| error.to_string())?));
        Ok(())
    }

    fn train(steps: u32) -> Result<Progress, String> {
        with_training(|training| {
            for done in 1..=steps {
                training.train()?;
                metrics::gauge("loss", training.loss.into());
                progress::report(done.into(), u64::from(steps), &format!("loss {:.4}", training.loss));
            }
            training.progress()
        })
    }

    fn progress() -> Result<Progress, String> {
        with_training(|training| training.progress())
    }

    fn weights() -> Result<Vec<u8>, String> {
        with_training(|training| training.network.weights())
    }

    fn fingerprint() -> Result<u64, String> {
        with_training(|training| training.network.fingerprint())
    }
}

export!(Trainer);

fn with_training<T>(work: impl FnOnce(&mut Training) -> Result<T, Error>) -> Result<T, String> {
    TRAINING.with(|training| {
        let training = training.as_mut().ok_or("nothing is being trained: `init` comes first")?;
        work(training).map_err(|error| error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"batch": 16, "channels": 4, "hidden": 32, "learning_rate": 0.003}"#;

    #[test]
    fn the_network_has_the_parameters_that_it_is_known_for() {
        Trainer::init(String::new()).unwrap();
        assert_eq!(Trainer::progress().unwrap().parameters, 665_200);
    }

    #[test]
    fn it_learns_and_does_so_twice_in_the_same_way() {
        Trainer::init(SMALL.to_owned()).unwrap();
        let first = Trainer::train(1).unwrap();
        let last = Trainer::train(24).unwrap();
        assert_eq!(last.step, 25);
        assert!(last.loss < first.loss / 2.0, "{} after {}", last.loss, first.loss);
        let weights = Trainer::weights().unwrap();

        Trainer::init(SMALL.to_owned()).unwrap();
        Trainer::train(25).unwrap();
        assert_eq!(Trainer::weights().unwrap(), weights);
    }

    #[test]
    fn what_cannot_be_trained_is_said() {
        assert!(Trainer::init(r#"{"batch": 0, "layers": 3}"#.to_owned()).unwrap_err().contains("layers"));
        assert!(Trainer::init(r#"{"channels": 4000000000}"#.to_owned()).is_err());
    }
}
