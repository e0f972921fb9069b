package org.jobwitness.server.backup;

import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.Partition;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.json.Json;
import org.postgresql.PGConnection;

/**
 * Writes a backup: a zip file with the rows of each table as PostgreSQL's COPY writes them as text, the files of tokens, and a
 * {@link Manifest}. All rows are of one moment. Servers and agents may go on meanwhile; expired samples are deleted afterwards.
 */
public final class Backup {
    private static final int BUFFER_SIZE = 1 << 20;

    private final Database database;
    private final Json json;
    private final String version;
    private final Progress progress;

    /** @param version of the server */
    public Backup(Database database, Json json, String version, Progress progress) {
        this.database = database;
        this.json = json;
        this.version = version;
        this.progress = progress;
    }

    /**
     * Writes the file, which only its owner may read. It appears when it is complete and on disk.
     *
     * @param tokens files to keep with it; those that are not there are left out
     * @return how many rows it has
     */
    public long write(Path file, boolean withSamples, List<Path> tokens) throws IOException {
        Path part = file.resolveSibling(file.getFileName() + ".part");
        Files.deleteIfExists(part);
        try (FileChannel channel = FileChannel.open(part,
                EnumSet.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            Manifest manifest = write(channel, withSamples, tokens);
            channel.force(true);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            return manifest.rows();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private Manifest write(FileChannel channel, boolean withSamples, List<Path> tokens) throws IOException {
        // Closed with the channel: ending a file whose rows could not be read would make it look complete.
        ZipOutputStream zip = new ZipOutputStream(
                new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_SIZE));
        String schema = database.schema();
        Manifest manifest = database.snapshot("backup", handle -> {
            List<String> names = Tables.ALL.stream().filter(name -> withSamples || !Tables.SAMPLES.contains(name))
                    .toList();
            // Before the first query, which decides of which moment all are: from here on nothing is dropped or emptied.
            handle.execute("lock table " + String.join(", ", names) + " in access share mode");
            handle.execute("set local statement_timeout = 0");
            handle.execute("set local idle_in_transaction_session_timeout = 0");
            Instant at = handle.createQuery("select now()").mapTo(Instant.class).one();
            List<Manifest.Table> tables = new ArrayList<>();
            for (String name : names) {
                tables.add(copy(handle, name, zip));
            }
            List<Partition> partitions = Set.of(Partition.Parent.values()).stream()
                    .filter(parent -> names.contains(parent.toString()))
                    .flatMap(parent -> Partitions.present(handle, parent).stream()).toList();
            return new Manifest(Manifest.FORMAT, version, schema, at, tables, partitions, List.of());
        });
        Manifest complete = manifest.with(copy(tokens, zip));
        put(zip, Manifest.ENTRY, json.text(complete).getBytes(StandardCharsets.UTF_8));
        zip.finish();
        zip.flush();
        return complete;
    }

    private Manifest.Table copy(Handle handle, String table, ZipOutputStream zip) throws SQLException {
        List<String> columns = Columns.of(handle, table);
        Map<String, Long> sequences = new LinkedHashMap<>();
        Columns.generatedKeys(handle, table).forEach(column -> Columns.lastNumber(handle, table, column)
                .ifPresent(last -> sequences.put(column, last)));
        try {
            zip.putNextEntry(new ZipEntry(Manifest.Table.entry(table)));
            long rows = handle.getConnection().unwrap(PGConnection.class).getCopyAPI().copyOut(
                    "copy (select " + Columns.list(columns) + " from " + table + ") to stdout", counted(zip, table));
            zip.closeEntry();
            progress.done(table, rows);
            return new Manifest.Table(table, columns, rows, sequences);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private OutputStream counted(ZipOutputStream zip, String table) {
        return new FilterOutputStream(zip) {
            private long bytes;

            @Override
            public void write(byte[] from, int offset, int length) throws IOException {
                out.write(from, offset, length);
                bytes += length;
                progress.bytes(table, bytes);
            }
        };
    }

    private static List<String> copy(List<Path> tokens, ZipOutputStream zip) throws IOException {
        List<String> names = new ArrayList<>();
        for (Path token : tokens) {
            if (Files.exists(token)) {
                String name = token.getFileName().toString();
                put(zip, Manifest.tokenEntry(name), Files.readAllBytes(token));
                names.add(name);
            }
        }
        return names;
    }

    private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(content);
        zip.closeEntry();
    }
}
