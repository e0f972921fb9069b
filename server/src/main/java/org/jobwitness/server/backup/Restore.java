package org.jobwitness.server.backup;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.Partition;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.json.Json;
import org.postgresql.PGConnection;
import tools.jackson.core.JacksonException;

/**
 * Reads a {@link Backup} into a database that is not in use, in one transaction: it is there as a whole or not at all.
 */
public final class Restore implements AutoCloseable {
    /** For a single step, such as the check of all keys of a table. */
    private static final Duration STEP_TIMEOUT = Duration.ofHours(1);

    /** Classes of PostgreSQL's errors: data that is none, and rows that break a constraint. */
    private static final Set<String> DAMAGED = Set.of("22", "23");

    private final ZipFile zip;
    private final Manifest manifest;

    /** It cannot be restored; the message says why, and what to do. */
    public static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        Refused(String message) {
            super(message);
        }
    }

    private Restore(ZipFile zip, Manifest manifest) {
        this.zip = zip;
        this.manifest = manifest;
    }

    /** Opens a backup. */
    public static Restore open(Path file, Json json) throws IOException, Refused {
        ZipFile zip;
        try {
            zip = new ZipFile(file.toFile());
        } catch (ZipException e) {
            throw new Refused(file + " is no backup, or was cut off: " + e.getMessage());
        }
        try {
            ZipEntry entry = zip.getEntry(Manifest.ENTRY);
            if (entry == null) {
                throw new Refused(file + " is no backup: it has no " + Manifest.ENTRY);
            }
            Manifest manifest = json.object(new String(zip.getInputStream(entry).readAllBytes(), UTF_8),
                    Manifest.class);
            if (manifest.format() != Manifest.FORMAT) {
                throw new Refused(file + " was written by jobwitness-server " + manifest.version()
                        + ", in a format that this release does not know: use that release");
            }
            if (!Set.copyOf(Tables.ALL).containsAll(manifest.tables().stream().map(Manifest.Table::name).toList())) {
                throw new Refused(file + " has tables that this release does not know: use jobwitness-server "
                        + manifest.version());
            }
            return new Restore(zip, manifest);
        } catch (JacksonException e) {
            zip.close();
            throw new Refused(file + " is no backup: " + Manifest.ENTRY + " is damaged");
        } catch (IOException | Refused e) {
            zip.close();
            throw e;
        }
    }

    /** The version of the tables in it, which the database must have. */
    public String schema() {
        return manifest.schema();
    }

    /** In words. */
    public String about() {
        return "a backup of " + manifest.at() + " by jobwitness-server " + manifest.version() + ", " + manifest.rows()
                + " rows";
    }

    /**
     * Fills the database and writes the files of tokens, replacing those that are there.
     *
     * @param tokens the files of tokens that there may be; others in the backup are left out
     */
    public void into(Database database, List<Path> tokens, Progress progress) throws IOException, Refused {
        try {
            database.write("restore", handle -> {
                handle.getConnection().setNetworkTimeout(Runnable::run, Math.toIntExact(STEP_TIMEOUT.toMillis()));
                handle.execute("set local statement_timeout = " + STEP_TIMEOUT.toMillis());
                handle.execute("set local idle_in_transaction_session_timeout = 0");
                handle.execute("lock table " + String.join(", ", Tables.ALL) + " in exclusive mode");
                refuseIfUsed(handle);
                makeRoom(handle);
                for (Manifest.Table table : manifest.tables()) {
                    copy(handle, table, progress);
                }
                write(tokens);
                return null;
            });
        } catch (Problem e) {
            throw e.refused;
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Carries a {@link Refused} out of a transaction. */
    private static final class Problem extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final transient Refused refused;

        Problem(String message) {
            refused = new Refused(message);
        }
    }

    private static void refuseIfUsed(Handle handle) {
        if (handle.createQuery("""
                select exists (select from pg_stat_activity
                where datname = current_database() and application_name = :server)""")
                .bind("server", Database.SERVER).mapTo(Boolean.class).one()) {
            throw new Problem("a server uses this database: stop it first");
        }
        for (String table : Tables.USED) {
            if (handle.createQuery("select exists (select from " + table + ")").mapTo(Boolean.class).one()) {
                throw new Problem(
                        "this database is in use: it has jobs, which a restore would mix with those of the backup."
                                + " Give it an empty one, such as a data folder that is not there yet");
            }
        }
    }

    /** What a server writes before it knows of any job is replaced. */
    private void makeRoom(Handle handle) {
        List<String> names = manifest.tables().stream().map(Manifest.Table::name).toList();
        names.reversed().stream().filter(name -> !Tables.USED.contains(name))
                .forEach(name -> handle.execute("delete from " + name));
        for (Partition partition : manifest.partitions()) {
            Partitions.create(handle, partition);
        }
    }

    private void copy(Handle handle, Manifest.Table table, Progress progress) throws SQLException {
        List<String> missing = table.columns().stream()
                .filter(column -> !Columns.of(handle, table.name()).contains(column)).toList();
        if (!missing.isEmpty()) {
            throw new Problem(
                    "this release does not know " + String.join(", ", missing) + " of the table " + table.name()
                            + ": use jobwitness-server " + manifest.version());
        }
        ZipEntry entry = zip.getEntry(Manifest.Table.entry(table.name()));
        if (entry == null) {
            throw new Problem("the backup is damaged: the table " + table.name() + " is missing");
        }
        try (InputStream rows = counted(zip.getInputStream(entry), table.name(), progress)) {
            long copied = handle.getConnection().unwrap(PGConnection.class).getCopyAPI().copyIn(
                    "copy " + table.name() + " (" + Columns.list(table.columns()) + ") from stdin", rows);
            if (copied != table.rows()) {
                throw new Problem("the backup is damaged: the table " + table.name() + " should have " + table.rows()
                        + " rows, and has " + copied);
            }
        } catch (IOException e) {
            throw new Problem("the backup is damaged: the table " + table.name() + ": " + e.getMessage());
        } catch (SQLException e) {
            String state = String.valueOf(e.getSQLState());
            if (DAMAGED.stream().anyMatch(state::startsWith)) {
                throw new Problem("the backup is damaged: the table " + table.name() + ": " + e.getMessage());
            }
            throw e;
        }
        table.sequences().forEach((column, last) -> Columns.setLastNumber(handle, table.name(), column, last));
        progress.done(table.name(), table.rows());
    }

    private static InputStream counted(InputStream rows, String table, Progress progress) {
        return new FilterInputStream(rows) {
            private long bytes;

            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
                int read = in.read(into, offset, length);
                bytes += Math.max(0, read);
                progress.bytes(table, bytes);
                return read;
            }
        };
    }

    private void write(List<Path> tokens) {
        try {
            for (Path file : tokens) {
                String name = file.getFileName().toString();
                ZipEntry entry = zip.getEntry(Manifest.tokenEntry(name));
                if (entry != null && manifest.tokens().contains(name)) {
                    write(file, zip.getInputStream(entry).readAllBytes());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Path file, byte[] content) throws IOException {
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.deleteIfExists(fresh);
        Files.createFile(fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.write(fresh, content, StandardOpenOption.SYNC);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    public void close() throws IOException {
        zip.close();
    }
}
