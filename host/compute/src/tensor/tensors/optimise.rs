//! Optimisers, by their ids.

use std::collections::BTreeSet;

use super::{TENSORS_MAX, Tensors};
use crate::tensor::cpu::{Adam, Sgd};
use crate::tensor::error::TensorError;
use crate::tensor::optimiser::{OPTIMISERS_MAX, Optimiser, Parameter, Rule};
use crate::tensor::{OptimiserId, TensorId};

impl Tensors {
    /// Stochastic gradient descent of these parameters.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for a number without sense or a parameter that is named twice,
    /// [`TensorError::UnknownTensor`], [`TensorError::TooMany`].
    pub fn sgd(&mut self, parameters: &[TensorId], options: Sgd) -> Result<OptimiserId, TensorError> {
        self.optimiser("sgd", parameters, Rule::Sgd(options))
    }

    /// Adam or, with decoupled weight decay, AdamW of these parameters.
    ///
    /// # Errors
    /// As [`Tensors::sgd`].
    pub fn adam(&mut self, parameters: &[TensorId], options: Adam) -> Result<OptimiserId, TensorError> {
        self.optimiser("adam", parameters, Rule::Adam(options))
    }

    /// One step of every parameter that has a gradient. Parameters that were freed are passed over.
    ///
    /// # Errors
    /// [`TensorError::UnknownOptimiser`], [`TensorError::OutOfMemory`], [`TensorError::Stopped`].
    pub fn step(&mut self, id: OptimiserId) -> Result<(), TensorError> {
        let Self { optimisers, entries, executor, .. } = self;
        let optimiser = optimisers.get_mut(&id).ok_or(TensorError::UnknownOptimiser { id })?;
        let rule = optimiser.rule;
        for parameter in &mut optimiser.parameters {
            let Some(entry) = entries.get_mut(&parameter.id) else { continue };
            if let Some(gradient) = &entry.gradient {
                parameter.prepare(rule, executor, &mut entry.value, gradient)?;
            }
        }
        for parameter in &mut optimiser.parameters {
            let Some(entry) = entries.get_mut(&parameter.id) else { continue };
            if let Some(gradient) = &entry.gradient {
                parameter.step(rule, executor, &mut entry.value, gradient)?;
            }
        }
        Ok(())
    }

    /// Changes how far each step goes.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for a rate that is negative or not finite, [`TensorError::UnknownOptimiser`].
    pub fn set_learning_rate(&mut self, id: OptimiserId, learning_rate: f64) -> Result<(), TensorError> {
        let optimiser = self.optimisers.get_mut(&id).ok_or(TensorError::UnknownOptimiser { id })?;
        optimiser.rule = optimiser.rule.with_learning_rate(learning_rate).checked()?;
        Ok(())
    }

    /// Frees an optimiser and what it keeps.
    ///
    /// # Errors
    /// [`TensorError::UnknownOptimiser`].
    pub fn free_optimiser(&mut self, id: OptimiserId) -> Result<(), TensorError> {
        self.optimisers.remove(&id).map(drop).ok_or(TensorError::UnknownOptimiser { id })
    }

    fn optimiser(
        &mut self,
        operation: &'static str,
        parameters: &[TensorId],
        rule: Rule,
    ) -> Result<OptimiserId, TensorError> {
        let rule = rule.checked()?;
        self.require(parameters)?;
        let mut named = BTreeSet::new();
        if let Some(twice) = parameters.iter().find(|&&id| !named.insert(id)) {
            return Err(TensorError::argument(operation, "a parameter", twice, "named once"));
        }
        if self.optimisers.len() >= OPTIMISERS_MAX {
            return Err(TensorError::TooMany {
                what: "optimisers",
                name: "OPTIMISERS_MAX",
                limit: OPTIMISERS_MAX,
                remedy: "free those that are not needed",
            });
        }
        let optimised = self.optimisers.values().map(|optimiser| optimiser.parameters.len()).sum::<usize>();
        if optimised + parameters.len() > TENSORS_MAX {
            return Err(TensorError::TooMany {
                what: "parameters of optimisers",
                name: "TENSORS_MAX",
                limit: TENSORS_MAX,
                remedy: "free the optimisers that are not needed",
            });
        }
        let id = self.new_id();
        let parameters = parameters.iter().map(|&id| Parameter::new(id)).collect();
        self.optimisers.insert(id, Optimiser { rule, parameters });
        Ok(id)
    }
}
