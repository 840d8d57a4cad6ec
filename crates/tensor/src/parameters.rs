//! The parameter store: all weights of a model in one flat fp32 buffer, their gradients in another.
//!
//! A model is built leaf by leaf through a [`Builder`]; [`Builder::finish`] then moves every leaf's memory into the flat
//! buffers, so that an optimizer step, clipping or a norm is one operation over one range, whatever the number of
//! layers. Leaves of one role lie together: a rule for a role is a rule for a range.

use std::collections::BTreeMap;
use std::ops::Range;

use tch::{Device, Kind, Tensor, no_grad};

use crate::gradients::set_gradient;
use crate::{Draws, Error, Generator, Precision, Result};

/// What a parameter is, which decides how it is trained. In the order in which roles lie in the flat buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A matrix or convolution kernel between hidden layers.
    Matrix,
    /// A table with a row for each token or position; a tied head is its table.
    Embedding,
    /// The matrix from the last hidden layer to the outputs.
    Head,
    /// A bias or a gain.
    Vector,
    /// What is given and does not learn: it has no gradient, and no optimizer, decay or clipping reaches it. Checkpoints hold it.
    Frozen,
}

impl Role {
    const ALL: [Self; 5] = [
        Self::Matrix,
        Self::Embedding,
        Self::Head,
        Self::Vector,
        Self::Frozen,
    ];
}

/// How a parameter begins. Drawn on the host from the run's seed and the parameter's name: the same on every device, and
/// whatever the order in which a model is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Every element the same.
    Constant(f64),
    /// Normal, mean 0.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// Uniform in `-bound .. bound`.
    Uniform {
        /// Largest magnitude.
        bound: f64,
    },
}

/// One named parameter of a finished store.
#[derive(Debug)]
pub struct Parameter {
    name: String,
    shape: Vec<i64>,
    role: Role,
    /// Rows of each of the matrices that lie in it one below the other.
    matrices: Vec<i64>,
    offset: i64,
    place: usize,
    leaf: Tensor,
}

impl Parameter {
    /// Its name, `blocks.0.attention.output.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its shape.
    pub fn shape(&self) -> &[i64] {
        &self.shape
    }

    /// What it is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its place in the order of declaration, which is the order in which a model computes.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Number of values.
    pub fn elements(&self) -> i64 {
        self.shape.iter().product()
    }

    /// Its part of the flat buffers.
    pub fn range(&self) -> Range<i64> {
        self.offset..self.offset + self.elements()
    }

    /// Rows of each of the matrices that lie in it one below the other, all with as many columns: what a rule about matrices is
    /// to see by itself. A kernel `[outputs, inputs, width]` is one matrix of `outputs` rows.
    pub fn matrices(&self) -> &[i64] {
        &self.matrices
    }

    fn of(&self, flat: &Tensor) -> Tensor {
        flat.narrow(0, self.offset, self.elements())
            .view(self.shape.as_slice())
    }
}

/// Collects the parameters of a model while it is built.
pub struct Builder {
    device: Device,
    /// None where parameters are declared alone.
    draws: Option<Draws>,
    parameters: Vec<Parameter>,
}

impl Builder {
    /// A builder that places parameters on a device.
    pub fn new(device: Device, draws: Draws) -> Self {
        Self {
            device,
            draws: Some(draws),
            parameters: Vec::new(),
        }
    }

    /// A builder that only declares: parameters have names, shapes and roles, one number of memory each, and no values. What is
    /// built with it can be counted and asked for its operations, at any size.
    pub fn declaring() -> Self {
        Self {
            device: Device::Cpu,
            draws: None,
            parameters: Vec::new(),
        }
    }

    /// Each parameter declared so far, in the order of declaration.
    pub fn declared(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter()
    }

    /// A new parameter. The tensor returned is the leaf that the model computes with; clones of it share its memory,
    /// and go on sharing it when the store is finished.
    ///
    /// # Panics
    /// If the name is taken: names decide the initial draws and the places in a checkpoint.
    pub fn parameter(&mut self, name: &str, shape: &[i64], role: Role, init: Init) -> Tensor {
        let rows = shape.first().copied().unwrap_or(1);
        self.stacked(name, shape, role, init, &[rows])
    }

    /// A new parameter of several matrices one below the other, `rows` of them each, so that one product does for all: a rule
    /// about matrices sees each by itself.
    ///
    /// # Panics
    /// If the name is taken, or the rows do not divide the parameter into equally wide matrices.
    pub fn stacked(
        &mut self,
        name: &str,
        shape: &[i64],
        role: Role,
        init: Init,
        rows: &[i64],
    ) -> Tensor {
        let all: i64 = rows.iter().sum();
        assert!(
            all > 0 && shape.iter().product::<i64>() % all == 0,
            "{name}: matrices of {rows:?} rows in {shape:?}"
        );
        assert!(
            self.parameters.iter().all(|known| known.name != name),
            "two parameters are named {name}"
        );
        let leaf = match self.draws {
            Some(draws) => begin(&draws.generator(name, 0), shape, init).to_device(self.device),
            None => Tensor::zeros([1], (Kind::Float, self.device)).expand(shape, false),
        };
        let leaf = leaf.set_requires_grad(role != Role::Frozen);
        self.parameters.push(Parameter {
            name: name.to_owned(),
            shape: shape.to_vec(),
            role,
            matrices: rows.to_vec(),
            offset: 0,
            place: self.parameters.len(),
            leaf: leaf.shallow_clone(),
        });
        leaf
    }

    /// Lay all parameters out in flat buffers and let every leaf use its part of them. Those of a [declaring](Builder::declaring)
    /// builder are zero.
    ///
    /// # Errors
    /// libtorch could not allocate the buffers.
    pub fn finish(self, precision: Precision) -> Result<Parameters> {
        let mut parameters = self.parameters;
        parameters.sort_by_key(|parameter| parameter.role); // stable: in order of declaration within a role
        let mut end = 0;
        let mut ranges = BTreeMap::new();
        for role in Role::ALL {
            let start = end;
            for parameter in parameters.iter_mut().filter(|known| known.role == role) {
                parameter.offset = end;
                end += parameter.elements();
                end += (ALIGNMENT - end % ALIGNMENT) % ALIGNMENT;
            }
            ranges.insert(role, start..end);
        }
        let masters = Tensor::f_zeros([end], (precision.master_kind(), self.device))?;
        for parameter in &parameters {
            no_grad(|| parameter.of(&masters).f_copy_(&parameter.leaf))?;
        }
        // The masters themselves where the kinds are the same.
        let working = masters.f_to_kind(precision.kind())?;
        let gradients = masters.f_zeros_like()?;
        for parameter in &mut parameters {
            let own = parameter.of(&working).f_detach()?;
            parameter.leaf.f_set_data(&own)?;
            if precision.works_on_masters() && parameter.role != Role::Frozen {
                set_gradient(&parameter.leaf, &parameter.of(&gradients))?;
            }
        }
        Ok(Parameters {
            parameters,
            ranges,
            masters,
            working,
            gradients,
            precision,
        })
    }
}

/// A parameter's first values.
fn begin(generator: &Generator, shape: &[i64], init: Init) -> Tensor {
    let elements: i64 = shape.iter().product();
    let mut values = vec![0.0f32; usize::try_from(elements).unwrap_or(0)];
    match init {
        Init::Constant(value) => values.fill(value as f32),
        Init::Normal { std } => generator.fill_normal(&mut values, std),
        Init::Uniform { bound } => generator.fill_uniform(&mut values, bound),
    }
    Tensor::from_slice(&values).view(shape)
}

/// Elements to which each parameter's place is rounded up: 64 bytes of fp32, a cache line. What lies between is zero,
/// has gradient zero, and stays zero under every optimizer here.
const ALIGNMENT: i64 = 16;

/// All parameters of a model.
pub struct Parameters {
    parameters: Vec<Parameter>,
    ranges: BTreeMap<Role, Range<i64>>,
    masters: Tensor,
    working: Tensor,
    gradients: Tensor,
    precision: Precision,
}

impl Parameters {
    /// Each parameter, in the order of the flat buffers.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter()
    }

    /// Number of trained values.
    pub fn count(&self) -> u64 {
        self.parameters
            .iter()
            .filter(|parameter| parameter.role != Role::Frozen)
            .map(|parameter| parameter.elements().unsigned_abs())
            .sum()
    }

    /// The precision that the model computes in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The device that holds them.
    pub fn device(&self) -> Device {
        self.masters.device()
    }

    /// All weights in fp32, `[elements]`. After changing them call [`Parameters::refresh`].
    pub fn masters(&self) -> &Tensor {
        &self.masters
    }

    /// All gradients in fp32, `[elements]`: sums over the micro-batches since [`Parameters::clear_gradients`].
    pub fn gradients(&self) -> &Tensor {
        &self.gradients
    }

    /// The part of the flat buffers that holds a role.
    pub fn range(&self, role: Role) -> Range<i64> {
        self.ranges[&role].clone()
    }

    /// After backward of a micro-batch: add what the leaves received to the flat gradients. Where the model computes with the
    /// masters, backward has added there already.
    ///
    /// # Errors
    /// libtorch refused the addition.
    pub fn collect_gradients(&mut self) -> Result<()> {
        if self.precision.works_on_masters() {
            return Ok(());
        }
        let none = Tensor::new();
        for parameter in &self.parameters {
            let received = parameter.leaf.grad();
            if received.defined() {
                let _ = no_grad(|| parameter.of(&self.gradients).f_add_(&received))?;
                set_gradient(&parameter.leaf, &none)?;
            }
        }
        Ok(())
    }

    /// Set all gradients to zero.
    ///
    /// # Errors
    /// libtorch refused.
    pub fn clear_gradients(&mut self) -> Result<()> {
        let _ = self.gradients.f_zero_()?;
        Ok(())
    }

    /// Bring the working copy up to date with the masters: one cast, or nothing where they are the same.
    ///
    /// # Errors
    /// libtorch refused the copy.
    pub fn refresh(&mut self) -> Result<()> {
        if !self.precision.works_on_masters() {
            no_grad(|| self.working.f_copy_(&self.masters))?;
        }
        Ok(())
    }

    /// Every parameter's fp32 master by name, as views of the flat buffer.
    pub fn named(&self) -> Vec<(String, Tensor)> {
        self.views(&self.masters)
    }

    /// Every parameter's fp32 gradient by name, as views of the flat buffer.
    pub fn named_gradients(&self) -> Vec<(String, Tensor)> {
        self.views(&self.gradients)
    }

    /// A flat buffer of the same layout by name, as views: an optimizer's moments.
    ///
    /// # Panics
    /// If the buffer is of another length.
    pub fn views(&self, flat: &Tensor) -> Vec<(String, Tensor)> {
        assert_eq!(
            flat.size(),
            self.masters.size(),
            "a buffer of another layout"
        );
        self.parameters
            .iter()
            .map(|parameter| (parameter.name.clone(), parameter.of(flat)))
            .collect()
    }

    /// Take all values from tensors by name, and refresh the working copy.
    ///
    /// # Errors
    /// A parameter is missing, one is not of this model, or a shape differs; nothing is changed then.
    pub fn load(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        self.fill(&self.masters, tensors)?;
        self.refresh()
    }

    /// Take a flat buffer of this layout from tensors by name.
    ///
    /// # Errors
    /// A parameter is missing, one is not of this model, or a shape differs; nothing is changed then.
    pub fn fill(&self, flat: &Tensor, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        for parameter in &self.parameters {
            let Some(tensor) = tensors.get(&parameter.name) else {
                return Err(Error::Mismatch(format!(
                    "`{}` {:?} is missing",
                    parameter.name, parameter.shape
                )));
            };
            if tensor.size() != parameter.shape {
                return Err(Error::Mismatch(format!(
                    "`{}` has shape {:?}, the model's is {:?}",
                    parameter.name,
                    tensor.size(),
                    parameter.shape
                )));
            }
        }
        if let Some(name) = tensors
            .keys()
            .find(|name| self.parameters.iter().all(|known| &known.name != *name))
        {
            return Err(Error::Mismatch(format!(
                "`{name}` is not a parameter of this model"
            )));
        }
        for parameter in &self.parameters {
            no_grad(|| parameter.of(flat).f_copy_(&tensors[&parameter.name]))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backward;

    fn build(precision: Precision) -> (Tensor, Tensor, Parameters) {
        let mut builder = Builder::new(Device::Cpu, Draws::new(5));
        let bias = builder.parameter("bias", &[3], Role::Vector, Init::Constant(0.5));
        let weight = builder.parameter("weight", &[3, 4], Role::Matrix, Init::Normal { std: 1.0 });
        (weight, bias, builder.finish(precision).unwrap())
    }

    fn sum_of_outputs(weight: &Tensor, bias: &Tensor) -> Tensor {
        let input = Tensor::ones([2, 4], (weight.kind(), Device::Cpu));
        input.linear(weight, Some(bias)).sum(Kind::Float)
    }

    #[test]
    fn roles_lie_together_and_leaves_share_the_flat_memory() {
        let (weight, bias, mut parameters) = build(Precision::Fp32);
        assert_eq!(parameters.range(Role::Matrix), 0..16);
        assert_eq!(parameters.range(Role::Vector), 16..32);
        assert_eq!(parameters.count(), 15);
        let _ = no_grad(|| parameters.masters().shallow_clone().fill_(2.0));
        parameters.refresh().unwrap();
        assert_eq!(f64::try_from(weight.sum(Kind::Float)).unwrap(), 24.0);
        assert_eq!(f64::try_from(bias.sum(Kind::Float)).unwrap(), 6.0);
    }

    #[test]
    fn gradients_of_micro_batches_add_up_in_the_flat_buffer() {
        for precision in [
            Precision::Fp32,
            Precision::Bf16,
            Precision::Fp16,
            Precision::Fp64,
        ] {
            let (weight, bias, mut parameters) = build(precision);
            for _ in 0..2 {
                backward(&sum_of_outputs(&weight, &bias)).unwrap();
                parameters.collect_gradients().unwrap();
            }
            let gradients: BTreeMap<_, _> = parameters.named_gradients().into_iter().collect();
            let ones = |tensor: &Tensor, value: f64| {
                assert_eq!(tensor.kind(), precision.master_kind());
                assert!(
                    bool::try_from(tensor.eq(value).all()).unwrap(),
                    "{precision:?}"
                );
            };
            ones(&gradients["weight"], 4.0); // two rows of ones, twice
            ones(&gradients["bias"], 4.0);
            parameters.clear_gradients().unwrap();
            backward(&sum_of_outputs(&weight, &bias)).unwrap();
            parameters.collect_gradients().unwrap();
            ones(&parameters.named_gradients()[0].1, 2.0);
        }
    }

    #[test]
    fn what_is_frozen_lies_last_and_has_no_gradient() {
        for precision in [Precision::Fp32, Precision::Bf16] {
            let mut builder = Builder::new(Device::Cpu, Draws::new(5));
            let frozen = builder.parameter("given", &[3], Role::Frozen, Init::Constant(2.0));
            let learns = builder.parameter("bias", &[3], Role::Vector, Init::Constant(0.5));
            let mut parameters = builder.finish(precision).unwrap();
            assert_eq!(parameters.range(Role::Frozen), 16..32);
            assert_eq!(parameters.count(), 3);
            backward(&(frozen * learns).sum(Kind::Float)).unwrap();
            parameters.collect_gradients().unwrap();
            let gradients: BTreeMap<_, _> = parameters.named_gradients().into_iter().collect();
            assert_eq!(gradients["given"], Tensor::from_slice(&[0.0f32; 3]));
            assert_eq!(gradients["bias"], Tensor::from_slice(&[2.0f32; 3]));
            assert_eq!(parameters.named()[1].0, "given"); // a checkpoint holds it
        }
    }

    #[test]
    fn initial_values_depend_on_seed_and_name_not_on_order() {
        let values = |names: [&str; 2]| {
            let mut builder = Builder::new(Device::Cpu, Draws::new(5));
            let mut tensors = BTreeMap::new();
            for name in names {
                let leaf = builder.parameter(name, &[4], Role::Matrix, Init::Normal { std: 1.0 });
                tensors.insert(name.to_owned(), leaf);
            }
            tensors
        };
        let (one, other) = (values(["a", "b"]), values(["b", "a"]));
        assert_eq!(one["a"], other["a"]);
        assert_ne!(one["a"], one["b"]);
    }

    #[test]
    fn weights_that_do_not_fit_are_refused_and_change_nothing() {
        let (weight, _, mut parameters) = build(Precision::Fp32);
        let before = weight.copy();
        let good: BTreeMap<String, Tensor> = parameters
            .named()
            .into_iter()
            .map(|(name, tensor)| (name, tensor.zeros_like()))
            .collect();
        let copy = || -> BTreeMap<String, Tensor> {
            good.iter()
                .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
                .collect()
        };
        let mut missing = copy();
        missing.remove("bias");
        let mut foreign = copy();
        foreign.insert("gate".into(), Tensor::new());
        let mut shaped = copy();
        shaped.insert("bias".into(), Tensor::from_slice(&[1.0f32]));
        for (wrong, message) in [
            (missing, "`bias` [3] is missing"),
            (foreign, "`gate` is not a parameter of this model"),
            (shaped, "`bias` has shape [1], the model's is [3]"),
        ] {
            let error = parameters.load(&wrong).unwrap_err().to_string();
            assert_eq!(error, format!("weights do not fit the model: {message}"));
            assert_eq!(weight, before);
        }
        parameters.load(&good).unwrap();
        assert_eq!(f64::try_from(weight.abs().sum(Kind::Float)).unwrap(), 0.0);
    }
}
