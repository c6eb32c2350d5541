//! Our nodes on Ballista's wire; everything else goes to Ballista's own codecs.
//!
//! What must stay true: a message of ours begins with a byte that no protobuf message begins with (0xff is a field of a wire
//! type that does not exist), so the two never mix; the file list is written once per table, as compact JSON.

use std::sync::Arc;

use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{TableReference, internal_err};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::change_scan::{ChangeScanExec, Places};
use crate::change_table::{ChangeTable, OWN_COLUMNS, PinnedFile};
use crate::part_writer::{PartWrite, PartWriteExec};

/// Begins every message of ours.
const MARK: u8 = 0xff;
/// Follows the mark; another shape of the messages below takes another number.
const VERSION: u8 = 2;

/// (path, size, ETag) of one file: a tuple, because 5,000 files would repeat the names 5,000 times.
type FileOnWire = (String, u64, Option<String>);

#[derive(Serialize, Deserialize)]
struct TableOnWire {
    store_url: String,
    files: Vec<FileOnWire>,
}

#[derive(Serialize, Deserialize)]
enum LogicalOnWire {
    PartWrite { prefix: String },
}

#[derive(Serialize, Deserialize)]
enum PhysicalOnWire {
    PartWrite { prefix: String },
    ChangeScan { places: Places },
}

fn write_message<T: Serialize>(message: &T, buf: &mut Vec<u8>) -> Result<()> {
    buf.extend([MARK, VERSION]);
    serde_json::to_writer(buf, message).map_err(|error| DataFusionError::External(Box::new(error)))
}

/// `None` if the message is not ours.
fn read_message<T: DeserializeOwned>(buf: &[u8]) -> Result<Option<T>> {
    match buf {
        [MARK, VERSION, json @ ..] => {
            serde_json::from_slice(json).map(Some).map_err(|error| DataFusionError::External(Box::new(error)))
        }
        [MARK, version, ..] => {
            internal_err!(
                "a node sent version {version} of a message, this one reads {VERSION}: run one version of Quarrel"
            )
        }
        _ => Ok(None),
    }
}

/// Logical nodes and tables.
#[derive(Debug, Default)]
pub struct LogicalCodec(BallistaLogicalExtensionCodec);

impl LogicalExtensionCodec for LogicalCodec {
    fn try_decode(&self, buf: &[u8], inputs: &[LogicalPlan], context: &TaskContext) -> Result<Extension> {
        match (read_message(buf)?, inputs) {
            (Some(LogicalOnWire::PartWrite { prefix }), [input]) => {
                Ok(Extension { node: Arc::new(PartWrite { input: input.clone(), prefix }) })
            }
            (Some(LogicalOnWire::PartWrite { .. }), _) => {
                internal_err!("a part writer has one input, not {}", inputs.len())
            }
            (None, _) => self.0.try_decode(buf, inputs, context),
        }
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<()> {
        match node.node.as_any().downcast_ref::<PartWrite>() {
            Some(write) => write_message(&LogicalOnWire::PartWrite { prefix: write.prefix.clone() }, buf),
            None => self.0.try_encode(node, buf),
        }
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        name: &TableReference,
        schema: SchemaRef,
        context: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        let Some(TableOnWire { store_url, files }) = read_message(buf)? else {
            return self.0.try_decode_table_provider(buf, name, schema, context);
        };
        // The last columns are those that the table adds by itself.
        let Some(columns) = schema.fields().len().checked_sub(OWN_COLUMNS) else {
            return internal_err!("change table {name} arrived without its own columns");
        };
        let file_schema = Schema::new(schema.fields().iter().take(columns).cloned().collect::<Vec<_>>());
        let files = files.into_iter().map(|(path, size, etag)| PinnedFile { path, size, etag }).collect();
        let table = ChangeTable::new(&store_url, files, &file_schema)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Arc::new(table))
    }

    fn try_encode_table_provider(
        &self,
        name: &TableReference,
        table: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        let Some(table) = table.downcast_ref::<ChangeTable>() else {
            return self.0.try_encode_table_provider(name, table, buf);
        };
        let files = table.files().iter().map(|file| (file.path.clone(), file.size, file.etag.clone())).collect();
        write_message(&TableOnWire { store_url: table.store_url().to_owned(), files }, buf)
    }

    fn try_decode_file_format(&self, buf: &[u8], context: &TaskContext) -> Result<Arc<dyn FileFormatFactory>> {
        self.0.try_decode_file_format(buf, context)
    }

    fn try_encode_file_format(&self, buf: &mut Vec<u8>, format: Arc<dyn FileFormatFactory>) -> Result<()> {
        self.0.try_encode_file_format(buf, format)
    }
}

/// Physical nodes.
#[derive(Debug, Default)]
pub struct PhysicalCodec(BallistaPhysicalExtensionCodec);

impl PhysicalExtensionCodec for PhysicalCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(message) = read_message::<PhysicalOnWire>(buf)? else {
            return self.0.try_decode(buf, inputs, context, converter);
        };
        match (message, inputs) {
            (PhysicalOnWire::PartWrite { prefix }, [input]) => {
                Ok(Arc::new(PartWriteExec::new(Arc::clone(input), prefix)))
            }
            (PhysicalOnWire::ChangeScan { places }, [input]) => {
                Ok(Arc::new(ChangeScanExec::try_new(Arc::clone(input), places)?))
            }
            (PhysicalOnWire::ChangeScan { places }, [input, kept]) => {
                Ok(Arc::new(ChangeScanExec::try_new(Arc::clone(input), places)?.keeping(Arc::clone(kept))))
            }
            (PhysicalOnWire::PartWrite { .. } | PhysicalOnWire::ChangeScan { .. }, _) => {
                internal_err!("a node of ours arrived with {} inputs", inputs.len())
            }
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        if let Some(write) = node.downcast_ref::<PartWriteExec>() {
            return write_message(&PhysicalOnWire::PartWrite { prefix: write.prefix().to_owned() }, buf);
        }
        if let Some(scan) = node.downcast_ref::<ChangeScanExec>() {
            return write_message(&PhysicalOnWire::ChangeScan { places: scan.places() }, buf);
        }
        self.0.try_encode(node, buf, converter)
    }
}
