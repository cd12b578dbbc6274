//! An actor that has the host compute, in Rust. The same actor is in `abacus-c`, `abacus-js` and `abacus-python`: all
//! come to the same numbers to the last bit, because the host computes them. It keeps the network and the kernel from
//! call to call, and both are in its checkpoints.

mod collatz;
mod network;

use belljar_guest::state;

use crate::collatz::Collatz;
use crate::network::Network;

belljar_guest::plugin!("wit/world.wit");

state! {
    /// None before the first call that needs it.
    static NETWORK: Option<Network> = None;
}

state! {
    /// None before the first call that needs it.
    static COLLATZ: Option<Collatz> = None;
}

struct Abacus;

impl Guest for Abacus {
    fn train(steps: u32) -> Result<Progress, TensorError> {
        NETWORK.with(|network| {
            let network = match network {
                Some(network) => network,
                None => network.insert(Network::new()?),
            };
            for _ in 0..steps {
                network.learn()?;
            }
            network.progress()
        })
    }

    fn collatz(numbers: Vec<u32>) -> Result<Vec<u32>, ComputeError> {
        COLLATZ.with(|collatz| {
            let collatz = match collatz {
                Some(collatz) => collatz,
                None => collatz.insert(Collatz::new()?),
            };
            collatz.steps(&numbers)
        })
    }
}

export!(Abacus);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_learns_and_goes_on_where_it_was() {
        let untrained = Abacus::train(0).unwrap();
        let trained = Abacus::train(100).unwrap();
        assert!(trained.loss < untrained.loss / 2.0, "{trained:?} after {untrained:?}");
        assert!(trained.accuracy > 0.95, "{trained:?}");

        let again = Abacus::train(0).unwrap();
        assert_eq!(again.loss.to_bits(), trained.loss.to_bits());
    }

    #[test]
    fn without_a_device_the_kernel_says_so() {
        assert!(matches!(Abacus::collatz(vec![27]), Err(ComputeError::NoAdapter(_))));
    }
}
