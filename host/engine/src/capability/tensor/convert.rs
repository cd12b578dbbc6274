//! The types of the interface as those of the crate that computes, and its errors as the guest's.

use belljar_compute::tensor::{self, TensorError};

use crate::capability::bindings::belljar::plugin::tensor::{
    Activation, AdamOptions, BatchNorm, Engine, Error, Function, InvalidArgument, OutOfMemory, SgdOptions,
    ShapeMismatch, Window2d,
};

impl From<TensorError> for Error {
    fn from(error: TensorError) -> Error {
        let text = error.to_string();
        match error {
            TensorError::UnknownTensor { id } => Error::UnknownTensor(id),
            TensorError::UnknownOptimiser { id } => Error::UnknownOptimiser(id),
            TensorError::ShapeMismatch { operation, left, right, rule } => Error::ShapeMismatch(ShapeMismatch {
                operation: operation.to_owned(),
                left,
                right,
                rule: rule.to_owned(),
            }),
            TensorError::InvalidShape { .. } => Error::InvalidShape(text),
            TensorError::InvalidArgument { operation, argument, value, rule } => {
                let (operation, argument) = (operation.to_owned(), argument.to_owned());
                Error::InvalidArgument(InvalidArgument { operation, argument, value, rule })
            }
            TensorError::OutOfMemory { needed_bytes, used_bytes, limit_bytes } => {
                Error::OutOfMemory(OutOfMemory { needed: needed_bytes, used: used_bytes, limit: limit_bytes })
            }
            TensorError::TooMany { .. } => Error::TooMany(text),
            TensorError::NoTape { id } => Error::NoTape(id),
            TensorError::Stopped => Error::Stopped,
            TensorError::Device { .. } => Error::DeviceFailed(text),
            // An error that is new to this code says itself what is too much.
            _ => Error::TooMuchWork(text),
        }
    }
}

impl From<Engine> for tensor::Engine {
    fn from(engine: Engine) -> tensor::Engine {
        match engine {
            Engine::Auto => tensor::Engine::Auto,
            Engine::Cpu => tensor::Engine::Cpu,
            Engine::Device => tensor::Engine::Device,
        }
    }
}

impl From<Function> for tensor::Function {
    fn from(function: Function) -> tensor::Function {
        match function {
            Function::Negate => tensor::Function::Negate,
            Function::Exp => tensor::Function::Exp,
            Function::Log => tensor::Function::Log,
            Function::Sqrt => tensor::Function::Sqrt,
            Function::Tanh => tensor::Function::Tanh,
            Function::Sigmoid => tensor::Function::Sigmoid,
            Function::Relu => tensor::Function::Relu,
            Function::LeakyRelu(slope) => tensor::Function::LeakyRelu(slope),
            Function::Gelu => tensor::Function::Gelu,
            Function::Add(number) => tensor::Function::Add(number),
            Function::Multiply(number) => tensor::Function::Multiply(number),
            Function::Power(number) => tensor::Function::Power(number),
        }
    }
}

impl From<Activation> for tensor::Activation {
    fn from(activation: Activation) -> tensor::Activation {
        match activation {
            Activation::None => tensor::Activation::None,
            Activation::Relu => tensor::Activation::Relu,
            Activation::Tanh => tensor::Activation::Tanh,
            Activation::Sigmoid => tensor::Activation::Sigmoid,
        }
    }
}

impl From<Window2d> for tensor::Window {
    fn from(window: Window2d) -> tensor::Window {
        tensor::Window { stride: window.stride.into(), padding: window.padding.into() }
    }
}

impl From<BatchNorm> for tensor::BatchNorm {
    fn from(options: BatchNorm) -> tensor::BatchNorm {
        let BatchNorm { running_mean, running_variance, training, momentum, epsilon } = options;
        tensor::BatchNorm { running_mean, running_variance, training, momentum, epsilon }
    }
}

impl From<SgdOptions> for tensor::Sgd {
    fn from(options: SgdOptions) -> tensor::Sgd {
        let SgdOptions { learning_rate, momentum, weight_decay, nesterov } = options;
        tensor::Sgd { learning_rate, momentum, weight_decay, nesterov }
    }
}

impl From<AdamOptions> for tensor::Adam {
    fn from(options: AdamOptions) -> tensor::Adam {
        let AdamOptions { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled } = options;
        tensor::Adam { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled }
    }
}
