//! Rows cut to their first ids.

use kiln_tokens::{Batch, Column, IGNORED, column};

/// Columns with a value for each id of a row.
const ALONG_A_ROW: [&str; 4] = [
    column::INPUTS,
    column::TARGETS,
    column::DOCUMENTS,
    column::SEGMENTS,
];

/// The same rows of a language model with their first `length` ids alone, and the targets that are left counted. A batch without
/// targets of its ids is left as it is: its answers are of whole rows.
pub(crate) fn shorten(batch: Batch, length: u64) -> Batch {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let Some(targets) = batch.column(column::TARGETS).and_then(Column::as_ids) else {
        return batch;
    };
    let rows = batch.rows();
    let of = |values: &[i64]| -> Vec<i64> {
        let width = values.len() / rows.max(1);
        let rows = values.chunks(width.max(1));
        rows.flat_map(|row| &row[..length.min(row.len())])
            .copied()
            .collect()
    };
    let scored = of(targets).iter().filter(|id| **id != IGNORED).count();
    let mut short = Batch::new(rows, scored as u64);
    for (name, column) in batch.columns() {
        let ids = column.as_ids();
        let column = match ids {
            Some(ids) if ALONG_A_ROW.contains(&name) => Column::ids(rows, of(ids)),
            Some(lengths) if name == column::LENGTHS => {
                let most = i64::try_from(length).unwrap_or(i64::MAX);
                Column::ids(
                    rows,
                    lengths.iter().map(|known| *known.min(&most)).collect(),
                )
            }
            _ => column.clone(),
        };
        short = short.with(name, column);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ids_stay_and_targets_are_counted() {
        let batch = Batch::new(2, 5)
            .with(column::INPUTS, Column::ids(2, vec![1, 2, 3, 4, 5, 6]))
            .with(
                column::TARGETS,
                Column::ids(2, vec![2, 3, 4, IGNORED, 6, 7]),
            )
            .with(column::LENGTHS, Column::ids(2, vec![3, 1]))
            .with(column::RESET, Column::ids(2, vec![0, 1]));
        let short = shorten(batch.clone(), 2);
        assert_eq!((short.rows(), short.targets()), (2, 3));
        let ids = |name| short.column(name).unwrap().as_ids().unwrap();
        assert_eq!(ids(column::INPUTS), [1, 2, 4, 5]);
        assert_eq!(ids(column::TARGETS), [2, 3, IGNORED, 6]);
        assert_eq!(ids(column::LENGTHS), [2, 1]);
        assert_eq!(ids(column::RESET), [0, 1]);
        assert_eq!(shorten(batch.clone(), 9), batch);
        let labelled = Batch::new(1, 1)
            .with(column::INPUTS, Column::ids(1, vec![1, 2]))
            .with(column::LABELS, Column::ids(1, vec![0]));
        assert_eq!(shorten(labelled.clone(), 1), labelled);
    }
}
