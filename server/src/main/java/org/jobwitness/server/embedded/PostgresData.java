package org.jobwitness.server.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import org.jobwitness.server.db.DatabaseAddress;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * PostgreSQL's data files, and two files of ours among them: pg_hba.conf and the password. The server's role owns its
 * database and may create others, but is no superuser, as on an external PostgreSQL; the superuser cannot connect at all, and
 * works in single-user mode only.
 *
 * @param path PostgreSQL's data folder, complete once it exists
 */
public record PostgresData(Path path, String password) {
    private static final String DATABASE = "jobwitness";
    private static final String USER = "jobwitness";

    private static final Logger log = LoggerFactory.getLogger(PostgresData.class);
    private static final String MAJOR_VERSION = PostgresArchive.VERSION.substring(0,
            PostgresArchive.VERSION.indexOf('.'));
    private static final Duration TIMEOUT = Duration.ofMinutes(3);

    /** The only line: from this machine, with a password that is never sent in clear text. */
    private static final String PG_HBA = "host all %s 127.0.0.1/32 scram-sha-256\n".formatted(USER);

    /** Where they are or will be. Those of another major version cannot be used, and must not be ignored. */
    public static Path locate(PostgresFolder folder) throws IOException {
        var path = folder.path().resolve("data-" + MAJOR_VERSION);
        var others = folder.entries("data-");
        if (!Files.isDirectory(path) && !others.isEmpty()) {
            throw new EmbeddedPostgresException(("%s are the data files of another major version of PostgreSQL than %s:"
                    + " export them with the release of jobwitness-server that wrote them, move them away, and import"
                    + " the export").formatted(others, MAJOR_VERSION));
        }
        return path;
    }

    /** Creates the data files if there are none. Call it while no PostgreSQL runs on them. */
    static PostgresData prepare(PostgresFolder folder, Path programs, PostgresUser user)
            throws IOException, InterruptedException {
        var path = locate(folder);
        if (!Files.isDirectory(path)) {
            create(folder, path, programs, user);
        }
        folder.write(path.resolve("pg_hba.conf"), PG_HBA);
        var passwordFile = path.resolve("jobwitness.password");
        if (!Files.exists(passwordFile)) {
            folder.write(passwordFile, setNewPassword(path, programs, user) + "\n");
        }
        return in(path);
    }

    /** Data files that are complete. */
    static PostgresData in(Path path) throws IOException {
        return new PostgresData(path, Files.readString(path.resolve("jobwitness.password")).strip());
    }

    DatabaseAddress address(int port) {
        // The method is fixed: a program that takes the port while PostgreSQL is down cannot ask for the password in clear.
        var url = "jdbc:postgresql://127.0.0.1:" + port + "/" + DATABASE
                + "?requireAuth=scram-sha-256&sslmode=disable&gssEncMode=disable";
        return new DatabaseAddress(url, USER, password);
    }

    @Override
    public String toString() {
        return path.toString();
    }

    private static void create(PostgresFolder folder, Path path, Path programs, PostgresUser user)
            throws IOException, InterruptedException {
        folder.requireFreeSpace();
        var start = Instant.now();
        var unfinished = folder.unfinished("data");
        user.own(unfinished);
        // The builtin provider's C.UTF-8 sorts the same everywhere and needs no locale of the operating system.
        user.program(programs, "initdb").then("--pgdata=" + unfinished, "--username=postgres", "--auth=reject",
                "--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
                "--data-checksums", "--no-instructions").run(TIMEOUT);
        asSuperuser(unfinished, programs, user, """
                CREATE ROLE %s LOGIN CREATEDB
                CREATE DATABASE %s OWNER %s
                """.formatted(USER, DATABASE, USER));
        folder.finish(unfinished, path);
        log.info("embedded_postgres_created path={} ms={}", path, start.until(Instant.now()).toMillis());
    }

    private static String setNewPassword(Path path, Path programs, PostgresUser user)
            throws IOException, InterruptedException {
        var bytes = new byte[24];
        new SecureRandom().nextBytes(bytes);
        var password = HexFormat.of().formatHex(bytes);
        asSuperuser(path, programs, user, "ALTER ROLE %s PASSWORD '%s'\n".formatted(USER, password));
        return password;
    }

    /** Runs statements, one a line, in single-user mode; read from standard input, so that no process list shows them. */
    private static void asSuperuser(Path path, Path programs, PostgresUser user, String statements)
            throws IOException, InterruptedException {
        user.program(programs, "postgres").then("--single", "-D", path.toString(), "-c", "exit_on_error=on", "-c",
                "log_min_error_statement=panic", "postgres").run(TIMEOUT, statements);
    }
}
