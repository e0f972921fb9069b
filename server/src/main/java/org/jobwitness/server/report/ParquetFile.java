package org.jobwitness.server.report;

import io.airlift.compress.v3.snappy.SnappyCompressor;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.LogicalType;
import org.apache.parquet.format.MicroSeconds;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.StringType;
import org.apache.parquet.format.TimeUnit;
import org.apache.parquet.format.TimestampType;
import org.apache.parquet.format.Util;
import org.jspecify.annotations.Nullable;

/**
 * Writes a Parquet file of flat rows in which any value may be missing: plain encoding, snappy, one page for each column of a row
 * group. Its structures are those of Parquet's own library of the format; what builds on that library brings Hadoop.
 */
final class ParquetFile implements Closeable {
    /** So many rows are kept in memory. */
    private static final int ROWS_OF_A_GROUP = 20_000;
    private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);

    private final OutputStream out;
    private final List<Column> columns;
    private final List<Buffer> buffers;
    private final List<RowGroup> groups = new ArrayList<>();
    private long position = MAGIC.length;
    private long rows;

    /** What values are: of a time {@link Instant}, else as the name says. */
    enum Kind {
        TEXT(org.apache.parquet.format.Type.BYTE_ARRAY),
        WHOLE(org.apache.parquet.format.Type.INT64),
        NUMBER(org.apache.parquet.format.Type.DOUBLE),
        /** In UTC, to the microsecond. */
        TIME(org.apache.parquet.format.Type.INT64);

        private final org.apache.parquet.format.Type type;

        Kind(org.apache.parquet.format.Type type) {
            this.type = type;
        }
    }

    /** A column; its name and kind never change from file to file. */
    record Column(String name, Kind kind) {
    }

    /** The values of a column of the row group that is being filled. */
    private static final class Buffer {
        private final ByteArrayOutputStream values = new ByteArrayOutputStream();
        private final boolean[] isKnown = new boolean[ROWS_OF_A_GROUP];
        private int count;

        void add(Kind kind, @Nullable Object value) {
            isKnown[count++] = value != null;
            if (value != null) {
                values.writeBytes(plain(kind, value));
            }
        }

        private static byte[] plain(Kind kind, Object value) {
            byte[] text = kind == Kind.TEXT ? ((String) value).getBytes(StandardCharsets.UTF_8) : new byte[0];
            byte[] plain = new byte[kind == Kind.TEXT ? Integer.BYTES + text.length : Long.BYTES];
            ByteBuffer out = littleEndian(plain);
            switch (kind) {
                case TEXT -> out.putInt(text.length).put(text);
                case WHOLE -> out.putLong((Long) value);
                case NUMBER -> out.putDouble((Double) value);
                case TIME -> out.putLong(ChronoUnit.MICROS.between(Instant.EPOCH, (Instant) value));
            }
            return plain;
        }

        /** Which values are known, one bit each, as a single bit-packed run; then those that are. */
        byte[] page() {
            int octets = (count + 7) / 8;
            byte[] bits = new byte[octets];
            for (int row = 0; row < count; row++) {
                bits[row / 8] |= (byte) (isKnown[row] ? 1 << (row % 8) : 0);
            }
            ByteArrayOutputStream run = new ByteArrayOutputStream();
            int header = (octets << 1) | 1;
            for (; header > 0x7f; header >>>= 7) {
                run.write((header & 0x7f) | 0x80);
            }
            run.write(header);
            run.writeBytes(bits);
            ByteArrayOutputStream page = new ByteArrayOutputStream();
            page.writeBytes(ofInteger(run.size()));
            page.writeBytes(run.toByteArray());
            page.writeBytes(values.toByteArray());
            return page.toByteArray();
        }

        void clear() {
            values.reset();
            count = 0;
        }
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] ofInteger(int value) {
        byte[] bytes = new byte[Integer.BYTES];
        littleEndian(bytes).putInt(value);
        return bytes;
    }

    /** Begins a file. */
    ParquetFile(OutputStream out, List<Column> columns) throws IOException {
        this.out = out;
        this.columns = List.copyOf(columns);
        this.buffers = columns.stream().map(_ -> new Buffer()).toList();
        out.write(MAGIC);
    }

    /** Adds a row: a value for each column, null where it is not known. */
    void add(List<@Nullable Object> row) throws IOException {
        for (int column = 0; column < columns.size(); column++) {
            buffers.get(column).add(columns.get(column).kind(), row.get(column));
        }
        rows++;
        if (buffers.getFirst().count == ROWS_OF_A_GROUP) {
            writeGroup();
        }
    }

    private void writeGroup() throws IOException {
        int count = buffers.getFirst().count;
        long began = position;
        long plain = 0;
        List<ColumnChunk> chunks = new ArrayList<>();
        for (int column = 0; column < columns.size(); column++) {
            ColumnMetaData data = write(columns.get(column), buffers.get(column).page(), count);
            plain += data.getTotal_uncompressed_size();
            chunks.add(new ColumnChunk(data.getData_page_offset()).setMeta_data(data));
            buffers.get(column).clear();
        }
        groups.add(new RowGroup(chunks, plain, count).setFile_offset(began).setTotal_compressed_size(position - began));
    }

    private ColumnMetaData write(Column column, byte[] page, int count) throws IOException {
        SnappyCompressor snappy = SnappyCompressor.create();
        byte[] packed = new byte[snappy.maxCompressedLength(page.length)];
        int length = snappy.compress(page, 0, page.length, packed, 0, packed.length);
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        Util.writePageHeader(new PageHeader(PageType.DATA_PAGE, page.length, length)
                .setData_page_header(new DataPageHeader(count, Encoding.PLAIN, Encoding.RLE, Encoding.RLE)), whole);
        long plain = (long) whole.size() + page.length;
        whole.write(packed, 0, length);
        ColumnMetaData data = new ColumnMetaData(column.kind().type, List.of(Encoding.PLAIN, Encoding.RLE),
                List.of(column.name()), CompressionCodec.SNAPPY, count, plain, whole.size(), position);
        out.write(whole.toByteArray());
        position += whole.size();
        return data;
    }

    private static SchemaElement element(Column column) {
        SchemaElement element = new SchemaElement(column.name()).setType(column.kind().type)
                .setRepetition_type(FieldRepetitionType.OPTIONAL);
        return switch (column.kind()) {
            case TEXT -> element.setConverted_type(ConvertedType.UTF8)
                    .setLogicalType(LogicalType.STRING(new StringType()));
            case TIME -> element.setConverted_type(ConvertedType.TIMESTAMP_MICROS).setLogicalType(
                    LogicalType.TIMESTAMP(new TimestampType(true, TimeUnit.MICROS(new MicroSeconds()))));
            case WHOLE, NUMBER -> element;
        };
    }

    /** Writes what is left and the footer, without which it is no Parquet file; does not close the stream. */
    @Override
    public void close() throws IOException {
        if (buffers.getFirst().count > 0) {
            writeGroup();
        }
        List<SchemaElement> schema = new ArrayList<>(
                List.of(new SchemaElement("fact").setNum_children(columns.size())));
        columns.stream().map(ParquetFile::element).forEach(schema::add);
        ByteArrayOutputStream footer = new ByteArrayOutputStream();
        Util.writeFileMetaData(new FileMetaData(1, schema, rows, groups).setCreated_by("jobwitness"), footer);
        out.write(footer.toByteArray());
        out.write(ofInteger(footer.size()));
        out.write(MAGIC);
        out.flush();
    }
}
