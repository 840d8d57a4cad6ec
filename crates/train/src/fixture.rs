//! Tests' linear model, whose gradient is known by hand.

use kiln_learn::{
    Context, DeviceBatch, Head, Inputs, LinearView, LossSum, Model, Network, Objective, Optimizer,
    Output, Rates, Result, Snapshot, State, Stateful,
};
use kiln_tensor::{Builder, Device, Draws, Init, Kind, Parameters, Precision, Role, Tensor};
use kiln_tokens::{IGNORED, column};

/// One number for each id: the loss of a target is that number times the target.
pub(crate) struct Table(pub(crate) Tensor);

impl Model for Table {
    fn forward(&self, inputs: &Inputs, state: Option<&mut State>, _: &Context) -> Result<Output> {
        if let Some(state) = state {
            let carried = state.part(0) + self.0.sum(Kind::Float).detach();
            state.set_part(0, carried);
        }
        Ok(Output::of(self.0.index_select(0, &inputs.ids.view([-1]))))
    }
    fn new_state(&self, rows: i64, _: i64) -> Option<State> {
        let zeros = Tensor::zeros([rows], (Kind::Float, Device::Cpu));
        Some(State::new(vec![("sum".to_owned(), zeros)]))
    }
    fn context_limit(&self) -> Option<i64> {
        None
    }
    fn carries_state(&self) -> bool {
        true
    }
    fn operations_per_token(&self, _: i64) -> f64 {
        0.0
    }
}

/// A product with one: `[1, 1]`.
pub(crate) struct Same(pub(crate) Tensor);

impl Head for Same {
    fn linear(&self) -> LinearView<'_> {
        LinearView {
            weight: &self.0,
            bias: None,
            cap: None,
        }
    }
}

pub(crate) struct Products;

impl Objective for Products {
    fn loss(&self, _: &dyn Head, output: &Output, batch: &DeviceBatch) -> Result<LossSum> {
        let targets = batch.ids(column::TARGETS)?.view([-1]);
        let scored = targets.ne(IGNORED).to_kind(Kind::Float);
        let sum = (&output.hidden * targets * scored).sum(Kind::Float);
        let outputs = None;
        Ok(LossSum { sum, outputs })
    }
}

/// Takes the gradient away, at a rate of one.
pub(crate) struct Descent;

impl Stateful for Descent {
    fn save(&self, _: &Parameters) -> Snapshot {
        Snapshot::default()
    }
    fn load(
        &mut self,
        _: &Parameters,
        _: &std::collections::BTreeMap<String, Tensor>,
        _: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<()> {
        Ok(())
    }
}

impl Optimizer for Descent {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        _: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let skip = f64::try_from(skip.expect("the loop says whether to skip"))?;
        if skip == 0.0 {
            let _ = parameters
                .masters()
                .shallow_clone()
                .f_sub_(parameters.gradients())?;
        }
        Ok(())
    }
}

pub(crate) fn network(value: f64) -> Network {
    network_in(value, Precision::Fp32)
}

pub(crate) fn network_in(value: f64, precision: Precision) -> Network {
    let mut builder = Builder::new(Device::Cpu, Draws::new(0));
    let table = builder.parameter("table", &[3], Role::Embedding, Init::Constant(value));
    Network {
        trunk: Box::new(Table(table)),
        head: Box::new(Same(Tensor::ones([1, 1], (Kind::Float, Device::Cpu)))),
        parameters: builder.finish(precision).unwrap(),
    }
}
