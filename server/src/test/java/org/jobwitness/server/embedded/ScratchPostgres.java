package org.jobwitness.server.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Databases;
import org.jobwitness.server.testing.Waiting;

/**
 * A PostgreSQL for the tests of one process. Its folder stays in target, so that only the first run after a clean makes it.
 * Nothing is forced to disk, which would be most of what tests wait for; who is killed loses nothing by that, and after a power
 * cut there is {@code make clean}.
 */
public final class ScratchPostgres implements AutoCloseable {
    private static final int MAX_FOLDERS = 20;
    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
    /** What is given last wins; {@link Postmaster} gives {@code fsync=on}. */
    private static final String WITHOUT_FSYNC = """
            #!/bin/sh
            exec "${0%/*}/postgres" "$@" -c fsync=off -c full_page_writes=off -c max_wal_size=256MB
            """;

    /** Held here, since a lock that is garbage collected is released. */
    private final DataFolderLock lock;
    private final Path programs;
    private final PostgresProcesses processes;
    private final Databases databases;

    private ScratchPostgres(DataFolderLock lock, Path programs, PostgresProcesses processes, Databases databases) {
        this.lock = lock;
        this.programs = programs;
        this.processes = processes;
        this.databases = databases;
    }

    /** How a version is installed in a folder. */
    interface Installation {
        Path unpackInto(PostgresFolder folder) throws IOException;

        Path data(PostgresFolder folder) throws IOException;

        /** Makes the data files where there are none. @return where they can be reached, with port 0 */
        DatabaseAddress prepare(PostgresFolder folder, Path programs, PostgresUser user)
                throws IOException, InterruptedException;
    }

    /** The version that the server brings. */
    public static ScratchPostgres newest() throws IOException, InterruptedException {
        return startIn("test-postgres", new Installation() {
            @Override
            public Path unpackInto(PostgresFolder folder) throws IOException {
                return PostgresArchive.unpackInto(folder);
            }

            @Override
            public Path data(PostgresFolder folder) throws IOException {
                return PostgresData.locate(folder);
            }

            @Override
            public DatabaseAddress prepare(PostgresFolder folder, Path programs, PostgresUser user)
                    throws IOException, InterruptedException {
                return PostgresData.prepare(folder, programs, user).address(0);
            }
        });
    }

    /** The first of the folders that no other process has taken. */
    static ScratchPostgres startIn(String name, Installation installation) throws IOException, InterruptedException {
        for (int number = 1; number < MAX_FOLDERS; number++) {
            try {
                return start(Path.of("target", name + "-" + number), installation);
            } catch (EmbeddedPostgresException e) {
                if (!e.getMessage().contains("in use by another")) {
                    throw e;
                }
            }
        }
        return start(Path.of("target", name + "-" + MAX_FOLDERS), installation);
    }

    private static ScratchPostgres start(Path place, Installation installation)
            throws IOException, InterruptedException {
        Files.createDirectories(place,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        DataFolderLock lock = DataFolderLock.take(place.toRealPath());
        PostgresFolder folder = PostgresFolder.in(place.toRealPath());
        Path programs = installation.unpackInto(folder);
        Path data = installation.data(folder);
        PostgresUser user = PostgresUser.of(folder, programs, data);
        PostgresProcesses processes = new PostgresProcesses(data, user.program(programs, "pg_ctl"));
        processes.stop();
        DatabaseAddress address = installation.prepare(folder, programs, user);
        Path program = programs.resolve("bin/postgres-without-fsync");
        Files.writeString(program, WITHOUT_FSYNC);
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        int port = Waiting.freePort();
        new Postmaster(user.program(programs, program.getFileName().toString()), processes, folder.log(),
                START_TIMEOUT).start(port);
        return new ScratchPostgres(lock, programs, processes, databasesIn(new DatabaseAddress(
                address.jdbcUrl().replace(":0/", ":" + port + "/"), address.user(), address.password())));
    }

    private static Databases databasesIn(DatabaseAddress address) throws IOException {
        try {
            Databases databases = new Databases(address);
            databases.dropAllOfEarlierRuns();
            return databases;
        } catch (SQLException e) {
            throw new IOException(e);
        }
    }

    /** Stops it when the process ends. */
    public ScratchPostgres untilTheEnd() {
        Runtime.getRuntime().addShutdownHook(new Thread(this::close));
        return this;
    }

    /** Spares a server the unpacking that will start its own PostgreSQL in a folder, for the first time. */
    public void lendPrograms(Path dataFolder) throws IOException {
        Files.createDirectories(dataFolder,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Path lent = PostgresFolder.in(dataFolder).path().resolve(programs.getFileName());
        if (!Files.exists(lent)) {
            Files.createSymbolicLink(lent, programs);
        }
    }

    public Databases databases() {
        return databases;
    }

    @Override
    public void close() {
        try {
            processes.stop();
            lock.close();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
