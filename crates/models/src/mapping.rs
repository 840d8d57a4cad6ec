//! Names and layouts of weights in other tools' files, and the way there and back.
//!
//! Each architecture's own `mapping` says which tensors of a family a parameter is made of; this module does it.

use std::collections::{BTreeMap, BTreeSet};

use kiln_tensor::Tensor;

/// How a foreign matrix lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As ours: `[outputs, inputs]`.
    AsIs,
    /// The other way: `[inputs, outputs]`, as GPT-2's files have it.
    Transposed,
}

/// One parameter of ours and the foreign tensors that it is made of, one below the other along the first dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Name of our parameter.
    pub ours: String,
    /// Names of the foreign tensors, and how many rows of ours each one is.
    pub theirs: Vec<(String, i64)>,
    /// How each foreign tensor lies.
    pub layout: Layout,
}

impl Piece {
    /// A parameter that is one foreign tensor.
    pub(crate) fn one(ours: impl Into<String>, theirs: impl Into<String>) -> Self {
        Self {
            ours: ours.into(),
            theirs: vec![(theirs.into(), 0)],
            layout: Layout::AsIs,
        }
    }

    /// A parameter that is several foreign tensors of these numbers of rows.
    pub(crate) fn joined(ours: impl Into<String>, theirs: Vec<(String, i64)>) -> Self {
        Self {
            ours: ours.into(),
            theirs,
            layout: Layout::AsIs,
        }
    }

    /// The same, lying the other way.
    pub(crate) fn transposed(self) -> Self {
        let layout = Layout::Transposed;
        Self { layout, ..self }
    }

    fn turn(&self, tensor: &Tensor) -> Tensor {
        match self.layout {
            Layout::AsIs => tensor.shallow_clone(),
            Layout::Transposed => tensor.transpose(0, 1),
        }
    }
}

/// Our parameters, made of foreign tensors, and the names of foreign tensors that none is made of.
#[derive(Debug)]
pub struct Gathered {
    /// By our names.
    pub parameters: BTreeMap<String, Tensor>,
    /// Foreign names that no parameter took.
    pub unused: Vec<String>,
}

/// Make our parameters of a family's tensors. `shapes` are those of our parameters, by name.
///
/// # Errors
/// A tensor is missing, or its size is not what the parameter needs; the message names both.
pub fn gather(
    pieces: &[Piece],
    shapes: &BTreeMap<String, Vec<i64>>,
    foreign: &BTreeMap<String, Tensor>,
) -> Result<Gathered, String> {
    let mut parameters = BTreeMap::new();
    let mut used = BTreeSet::new();
    for piece in pieces {
        let Piece { ours, theirs, .. } = piece;
        let shape = (shapes.get(ours)).ok_or_else(|| format!("the model has no `{ours}`"))?;
        let mut parts = Vec::with_capacity(theirs.len());
        for (name, _) in theirs {
            let tensor = (foreign.get(name)).ok_or_else(|| format!("`{name}` is missing"))?;
            parts.push(piece.turn(tensor));
            used.insert(name.as_str());
        }
        let found: Vec<Vec<i64>> = parts.iter().map(Tensor::size).collect();
        let elements: i64 = found.iter().map(|size| size.iter().product::<i64>()).sum();
        let joined = match parts.as_slice() {
            [one] => Ok(one.shallow_clone()),
            many => Tensor::f_cat(many, 0),
        };
        let joined = joined
            .ok()
            .filter(|_| elements == shape.iter().product::<i64>());
        let joined = joined.ok_or_else(|| {
            let names: Vec<&str> = theirs.iter().map(|(name, _)| name.as_str()).collect();
            format!(
                "`{}` of sizes {found:?} do not make `{ours}` of {shape:?}",
                names.join("`, `")
            )
        })?;
        parameters.insert(ours.clone(), joined.reshape(shape.as_slice()));
    }
    let unused = (foreign.keys())
        .filter(|name| !used.contains(name.as_str()))
        .cloned()
        .collect();
    Ok(Gathered { parameters, unused })
}

/// Make a family's tensors of our parameters: the reverse of [`gather`].
///
/// # Errors
/// A parameter is missing.
pub fn scatter(
    pieces: &[Piece],
    parameters: &BTreeMap<String, Tensor>,
) -> Result<BTreeMap<String, Tensor>, String> {
    let mut foreign = BTreeMap::new();
    for piece in pieces {
        let ours = (parameters.get(&piece.ours))
            .ok_or_else(|| format!("the model has no `{}`", piece.ours))?;
        if let [(name, _)] = piece.theirs.as_slice() {
            foreign.insert(name.clone(), piece.turn(ours).contiguous());
            continue;
        }
        // A parameter of more dimensions than its parts is theirs one below the other.
        let rows: i64 = piece.theirs.iter().map(|(_, rows)| rows).sum();
        let flat = if ours.size().first() == Some(&rows) {
            ours.shallow_clone()
        } else {
            ours.reshape([rows, ours.size().last().copied().unwrap_or(1)])
        };
        let mut start = 0;
        for (name, rows) in &piece.theirs {
            let part = flat.narrow(0, start, *rows);
            foreign.insert(name.clone(), piece.turn(&part).contiguous());
            start += rows;
        }
    }
    Ok(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_tensor::{Device, Kind};

    fn numbers(shape: &[i64], from: i64) -> Tensor {
        let count: i64 = shape.iter().product();
        Tensor::arange_start(from, from + count, (Kind::Float, Device::Cpu)).view(shape)
    }

    #[test]
    fn there_and_back() {
        let pieces = [
            Piece::one("one", "their.one").transposed(),
            Piece::joined("joined", vec![("q".into(), 4), ("k".into(), 2)]),
            Piece::joined("stacked", vec![("e0".into(), 2), ("e1".into(), 2)]),
        ];
        let shapes: BTreeMap<String, Vec<i64>> = [
            ("one", vec![3, 2]),
            ("joined", vec![6, 3]),
            ("stacked", vec![2, 2, 3]),
        ]
        .map(|(name, shape)| (name.to_owned(), shape))
        .into();
        let foreign: BTreeMap<String, Tensor> = [
            ("their.one", numbers(&[2, 3], 0)),
            ("q", numbers(&[4, 3], 10)),
            ("k", numbers(&[2, 3], 30)),
            ("e0", numbers(&[2, 3], 40)),
            ("e1", numbers(&[2, 3], 50)),
        ]
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .into();
        let gathered = gather(&pieces, &shapes, &foreign).unwrap();
        assert_eq!(
            gathered.parameters["one"],
            foreign["their.one"].transpose(0, 1)
        );
        assert_eq!(gathered.parameters["joined"].narrow(0, 4, 2), foreign["k"]);
        assert_eq!(gathered.parameters["stacked"].get(1), foreign["e1"]);
        assert!(gathered.unused.is_empty());
        assert_eq!(scatter(&pieces, &gathered.parameters).unwrap(), foreign);
        let error = gather(&pieces[..1], &shapes, &BTreeMap::new()).unwrap_err();
        assert_eq!(error, "`their.one` is missing");
        let wrong = BTreeMap::from([("their.one".to_owned(), numbers(&[2, 2], 0))]);
        assert_eq!(
            gather(&pieces[..1], &shapes, &wrong).unwrap_err(),
            "`their.one` of sizes [[2, 2]] do not make `one` of [3, 2]"
        );
    }
}
