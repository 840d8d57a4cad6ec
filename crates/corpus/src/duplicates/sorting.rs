//! Records of fixed length, more than memory holds, in order: sorted runs on disk, merged.
//!
//! The ceiling is for the records in memory while runs are made and for the read buffers while they are merged (which
//! are never fewer than two of 4 KiB). The runs lie in a folder of their own, which goes when the sorter or what came
//! of it is dropped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kiln_text::Error;
use rayon::slice::ParallelSliceMut;
use tempfile::TempDir;

/// What a run is read through, at the least and at the most.
const READ_BUFFER: [usize; 2] = [4 << 10, 1 << 20];

/// How many runs are merged at a time, at the most: files that are open together.
const MOST_RUNS: usize = 256;

/// `W` numbers, compared one after the other.
pub(crate) type Record<const W: usize> = [u64; W];

/// Takes records in any order.
pub(crate) struct Sorter<const W: usize> {
    /// Where runs may lie.
    folder: PathBuf,
    max_memory: u64,
    held: Vec<Record<W>>,
    most_held: usize,
    runs: Runs,
}

/// Sorted files, in a folder that is made for the first of them.
#[derive(Default)]
struct Runs {
    folder: Option<TempDir>,
    made: usize,
    waiting: Vec<Run>,
}

/// Sorted records in a file.
struct Run {
    path: PathBuf,
    offset: u64,
    records: u64,
    /// It goes when it has been read.
    temporary: bool,
}

impl<const W: usize> Sorter<W> {
    /// Hold at most `max_memory` bytes and put the rest below `folder`.
    pub(crate) fn new(folder: &Path, max_memory: u64) -> Self {
        let most_held = (max_memory / (8 * W as u64)).max(1);
        Self {
            folder: folder.to_owned(),
            max_memory,
            held: Vec::new(),
            most_held: usize::try_from(most_held).unwrap_or(usize::MAX),
            runs: Runs::default(),
        }
    }

    pub(crate) fn add(&mut self, record: Record<W>) -> Result<(), Error> {
        if self.held.len() >= self.most_held {
            self.spill()?;
        }
        if self.held.len() == self.held.capacity() {
            // Doubling, but never beyond the ceiling.
            let room = self.most_held - self.held.len();
            self.held.reserve_exact(room.min(self.held.len().max(1024)));
        }
        self.held.push(record);
        Ok(())
    }

    /// Sorted records that somebody else keeps in a file.
    pub(crate) fn add_file(&mut self, path: &Path, offset: u64, records: u64) {
        self.runs.waiting.push(Run {
            path: path.to_owned(),
            offset,
            records,
            temporary: false,
        });
    }

    /// How many records there are.
    pub(crate) fn records(&self) -> u64 {
        let waiting: u64 = self.runs.waiting.iter().map(|run| run.records).sum();
        waiting + self.held.len() as u64
    }

    fn spill(&mut self) -> Result<(), Error> {
        self.held.par_sort_unstable();
        let mut run = RunWriter::<W>::new(self.runs.new_path(&self.folder)?)?;
        for record in &self.held {
            run.write(record)?;
        }
        self.held.clear();
        self.runs.waiting.push(run.finish()?);
        Ok(())
    }

    /// All records in order, equal ones as often as they came.
    pub(crate) fn sorted(mut self) -> Result<Sorted<W>, Error> {
        if self.runs.waiting.is_empty() {
            self.held.par_sort_unstable();
            return Ok(Sorted {
                held: self.held.into_iter(),
                merge: None,
                _folder: None,
            });
        }
        if !self.held.is_empty() {
            self.spill()?;
        }
        self.held = Vec::new();
        let most_buffers = self.max_memory / READ_BUFFER[0] as u64;
        let fan_in = usize::try_from(most_buffers)
            .unwrap_or(usize::MAX)
            .clamp(2, MOST_RUNS);
        while self.runs.waiting.len() > fan_in {
            let few: Vec<Run> = self.runs.waiting.drain(..fan_in).collect();
            let mut merge = Merge::<W>::open(few, self.max_memory)?;
            let mut run = RunWriter::<W>::new(self.runs.new_path(&self.folder)?)?;
            while let Some(record) = merge.next_record()? {
                run.write(&record)?;
            }
            self.runs.waiting.push(run.finish()?);
        }
        Ok(Sorted {
            held: Vec::new().into_iter(),
            merge: Some(Merge::open(self.runs.waiting, self.max_memory)?),
            _folder: self.runs.folder,
        })
    }
}

impl Runs {
    fn new_path(&mut self, folder: &Path) -> Result<PathBuf, Error> {
        let own = match self.folder.take() {
            Some(own) => own,
            None => tempfile::Builder::new()
                .prefix("sorting-")
                .tempdir_in(folder)
                .map_err(|error| Error::io(folder, &error))?,
        };
        let path = own.path().join(self.made.to_string());
        self.folder = Some(own);
        self.made += 1;
        Ok(path)
    }
}

struct RunWriter<const W: usize> {
    out: BufWriter<File>,
    path: PathBuf,
    records: u64,
}

impl<const W: usize> RunWriter<W> {
    fn new(path: PathBuf) -> Result<Self, Error> {
        let file = File::create(&path).map_err(|error| Error::io(&path, &error))?;
        Ok(Self {
            out: BufWriter::new(file),
            path,
            records: 0,
        })
    }

    fn write(&mut self, record: &Record<W>) -> Result<(), Error> {
        self.records += 1;
        write_record(&mut self.out, record).map_err(|error| Error::io(&self.path, &error))
    }

    fn finish(mut self) -> Result<Run, Error> {
        let flushed = self.out.flush();
        flushed.map_err(|error| Error::io(&self.path, &error))?;
        Ok(Run {
            path: self.path,
            offset: 0,
            records: self.records,
            temporary: true,
        })
    }
}

/// A record's bytes: each number lowest byte first.
pub(crate) fn write_record<const W: usize>(
    out: &mut impl Write,
    record: &Record<W>,
) -> std::io::Result<()> {
    record
        .iter()
        .try_for_each(|number| out.write_all(&number.to_le_bytes()))
}

/// Gives records in order.
pub(crate) struct Sorted<const W: usize> {
    held: std::vec::IntoIter<Record<W>>,
    merge: Option<Merge<W>>,
    /// Goes after the files in it were closed.
    _folder: Option<TempDir>,
}

impl<const W: usize> Sorted<W> {
    pub(crate) fn next_record(&mut self) -> Result<Option<Record<W>>, Error> {
        match &mut self.merge {
            Some(merge) => merge.next_record(),
            None => Ok(self.held.next()),
        }
    }
}

struct Merge<const W: usize> {
    runs: Vec<RunReader>,
    /// The next record of each run.
    heads: BinaryHeap<Reverse<(Record<W>, usize)>>,
}

impl<const W: usize> Merge<W> {
    fn open(runs: Vec<Run>, max_memory: u64) -> Result<Self, Error> {
        let share = usize::try_from(max_memory / runs.len() as u64).unwrap_or(usize::MAX);
        let buffer = share.clamp(READ_BUFFER[0], READ_BUFFER[1]);
        let runs = runs.into_iter().map(|run| RunReader::open(run, buffer));
        let mut merge = Self {
            runs: runs.collect::<Result<_, _>>()?,
            heads: BinaryHeap::new(),
        };
        for index in 0..merge.runs.len() {
            merge.fetch(index)?;
        }
        Ok(merge)
    }

    fn fetch(&mut self, index: usize) -> Result<(), Error> {
        if let Some(record) = self.runs[index].next_record()? {
            self.heads.push(Reverse((record, index)));
        }
        Ok(())
    }

    fn next_record(&mut self) -> Result<Option<Record<W>>, Error> {
        let Some(Reverse((record, index))) = self.heads.pop() else {
            return Ok(None);
        };
        self.fetch(index)?;
        Ok(Some(record))
    }
}

struct RunReader {
    input: BufReader<File>,
    run: Run,
}

impl RunReader {
    fn open(run: Run, buffer: usize) -> Result<Self, Error> {
        let open = || {
            let mut file = File::open(&run.path)?;
            file.seek(SeekFrom::Start(run.offset))?;
            Ok(BufReader::with_capacity(buffer, file))
        };
        let input = open().map_err(|error| Error::io(&run.path, &error))?;
        Ok(Self { input, run })
    }

    fn next_record<const W: usize>(&mut self) -> Result<Option<Record<W>>, Error> {
        if self.run.records == 0 {
            return Ok(None);
        }
        self.run.records -= 1;
        let mut record = [0; W];
        for number in &mut record {
            let mut bytes = [0; 8];
            let read = self.input.read_exact(&mut bytes);
            read.map_err(|error| Error::io(&self.run.path, &error))?;
            *number = u64::from_le_bytes(bytes);
        }
        Ok(Some(record))
    }
}

impl Drop for RunReader {
    fn drop(&mut self) {
        if self.run.temporary {
            // What cannot be removed now goes with its folder.
            let _ = std::fs::remove_file(&self.run.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(records: &[Record<2>], max_memory: u64) {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), max_memory);
        for &record in records {
            sorter.add(record).unwrap();
        }
        assert!(sorter.held.capacity() <= (max_memory / 16).max(1) as usize);
        let mut sorted = sorter.sorted().unwrap();
        let mut given = Vec::new();
        while let Some(record) = sorted.next_record().unwrap() {
            given.push(record);
        }
        let mut expected = records.to_vec();
        expected.sort_unstable();
        assert_eq!(given, expected);
        drop(sorted);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn in_order_under_any_ceiling(
            records in proptest::collection::vec(any::<[u8; 2]>(), 0..300),
            max_memory in prop_oneof![0..200_u64, Just(10_000), Just(1 << 20)],
        ) {
            let records: Vec<Record<2>> = records.iter().map(|r| r.map(u64::from)).collect();
            check(&records, max_memory);
        }
    }

    #[test]
    fn a_folder_that_is_not_there() {
        let mut sorter = Sorter::<1>::new(Path::new("not/there"), 8);
        sorter.add([1]).unwrap();
        let message = sorter.add([2]).unwrap_err().to_string();
        assert!(message.contains("not/there"), "{message}");
    }

    #[test]
    fn dropped_half_way() {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), 16);
        for number in 0..10 {
            sorter.add([number]).unwrap();
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        let mut sorted = sorter.sorted().unwrap();
        assert_eq!(sorted.next_record().unwrap(), Some([0]));
        drop(sorted);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
