//! The rows of pinned files that a scan is to keep, as sets of row numbers.
//!
//! A reduction keeps one row of each key, and knows them by position. What must stay true: a position that was collected is
//! kept, and no other; memory is two bytes a position at most, and accounted for.

use datafusion::arrow::array::{Array, Int64Array};
use datafusion::common::internal_err;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use futures::StreamExt;
use roaring::RoaringBitmap;
use std::sync::Arc;

/// Bits of a position that are the row in its file; the others are the file's ordinal.
pub(crate) const ROW_BITS: u32 = 32;
/// What a row number takes in a set at most: sets of more than 4,096 neighbours turn into bits.
const ROW_BYTES_MAX: usize = 2;
/// What the set of one file takes besides.
const FILE_BYTES: usize = 128;

/// What a scan keeps of its files.
#[derive(Debug)]
pub(crate) struct KeptRows {
    /// By ordinal; files of other scans have none.
    of_files: Vec<Option<RoaringBitmap>>,
    _reservation: MemoryReservation,
}

impl KeptRows {
    /// Takes the positions of `positions`, one column of Int64, as far as they are in the files of these ordinals. NULLs are no
    /// positions.
    pub(crate) async fn collect(
        ordinals: impl IntoIterator<Item = usize>,
        mut positions: SendableRecordBatchStream,
        pool: &Arc<dyn MemoryPool>,
    ) -> Result<Self> {
        let mut of_files: Vec<Option<RoaringBitmap>> = Vec::new();
        for ordinal in ordinals {
            if of_files.len() <= ordinal {
                of_files.resize(ordinal + 1, None);
            }
            of_files[ordinal] = Some(RoaringBitmap::new());
        }
        let reservation = MemoryConsumer::new("rows to keep").register(pool);
        reservation.try_grow(of_files.len() * FILE_BYTES)?;
        while let Some(batch) = positions.next().await {
            let batch = batch?;
            let Some(column) = batch.columns().first().and_then(|column| column.as_any().downcast_ref::<Int64Array>())
            else {
                return internal_err!("positions to keep come as one column of Int64, not as {}", batch.schema());
            };
            let kept = insert(&mut of_files, column)?;
            reservation.try_grow(kept * ROW_BYTES_MAX)?;
        }
        Ok(Self { of_files, _reservation: reservation })
    }

    /// How a file of `rows` rows is to be read; `None`: not at all.
    pub(crate) fn selection(&self, ordinal: usize, rows: usize) -> Option<ParquetRowSelection> {
        let kept = self.of_files.get(ordinal)?.as_ref().filter(|kept| !kept.is_empty())?;
        Some(ParquetRowSelection::new(selection(kept, rows)))
    }

    /// Whether nothing of a file is kept.
    pub(crate) fn skips(&self, ordinal: usize) -> bool {
        self.of_files.get(ordinal).and_then(Option::as_ref).is_none_or(RoaringBitmap::is_empty)
    }
}

/// How many positions were in files of this scan.
fn insert(of_files: &mut [Option<RoaringBitmap>], positions: &Int64Array) -> Result<usize> {
    let mut kept = 0;
    for position in positions.iter().flatten() {
        let Ok(file) = usize::try_from(position >> ROW_BITS) else {
            return internal_err!("{position} is no position");
        };
        if let Some(Some(rows)) = of_files.get_mut(file) {
            rows.insert((position & i64::from(u32::MAX)) as u32);
            kept += 1;
        }
    }
    Ok(kept)
}

/// Runs of rows to read and to pass over, over the whole of a file.
fn selection(kept: &RoaringBitmap, rows: usize) -> RowSelection {
    let mut selectors: Vec<RowSelector> = Vec::new();
    let mut next = 0;
    for row in kept {
        let row = row as usize;
        match selectors.last_mut() {
            Some(last) if row == next && !last.skip => last.row_count += 1,
            Some(_) | None => {
                if row > next {
                    selectors.push(RowSelector::skip(row - next));
                }
                selectors.push(RowSelector::select(1));
            }
        }
        next = row + 1;
    }
    if rows > next {
        selectors.push(RowSelector::skip(rows - next));
    }
    RowSelection::from(selectors)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::arrow::record_batch::RecordBatch;
    use datafusion::execution::memory_pool::{GreedyMemoryPool, UnboundedMemoryPool};
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

    use super::*;

    fn stream(positions: Vec<Option<i64>>) -> SendableRecordBatchStream {
        let schema = Arc::new(Schema::new(vec![Field::new("p", DataType::Int64, true)]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(positions))]).unwrap();
        Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter([Ok(batch)])))
    }

    #[tokio::test]
    async fn positions_of_other_scans_files_are_left_out() {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let positions = vec![Some((2 << 32) + 1), Some(5), None, Some(2 << 32), Some((2 << 32) + 4), Some(9 << 32)];
        let kept = KeptRows::collect([2, 3], stream(positions), &pool).await.unwrap();
        assert!(kept.skips(0) && kept.skips(3) && kept.skips(9) && !kept.skips(2));
        let expected = [RowSelector::select(2), RowSelector::skip(2), RowSelector::select(1), RowSelector::skip(3)];
        let selection = kept.selection(2, 8).unwrap().into_inner();
        assert_eq!(selection.iter().copied().collect::<Vec<_>>(), expected);
        assert_eq!(kept.selection(3, 8), None);
    }

    #[tokio::test]
    async fn memory_that_is_not_there_is_an_error() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1000));
        let error = KeptRows::collect([0], stream((0..1000).map(Some).collect()), &pool).await.unwrap_err();
        assert!(error.to_string().contains("rows to keep"), "{error}");
    }

    #[test]
    fn a_selection_covers_its_file_exactly() {
        for (kept, rows) in [(vec![0], 1), (vec![0, 1, 2], 3), (vec![3], 10), (vec![0, 9], 10), (vec![4, 5, 7], 9)] {
            let selection = selection(&kept.iter().copied().collect(), rows);
            let mut at = 0;
            let mut read = Vec::new();
            for selector in selection.iter() {
                if !selector.skip {
                    read.extend(at as u32..(at + selector.row_count) as u32);
                }
                at += selector.row_count;
            }
            assert_eq!((read, at), (kept, rows));
        }
    }
}
