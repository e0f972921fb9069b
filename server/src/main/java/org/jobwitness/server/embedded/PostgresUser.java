package org.jobwitness.server.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The user that runs PostgreSQL. PostgreSQL refuses to run as root, so root starts it in a user namespace, where it is nobody
 * and has no privileges; where that is not allowed (many containers), as an unprivileged user who gets the data files. The
 * programs, the log and their folder stay ours: root runs nothing that another user can replace.
 *
 * @param prefix goes before every call of PostgreSQL's programs
 * @param uid, gid owner of the data files
 */
public record PostgresUser(Command prefix, int uid, int gid) {
    private static final Logger log = LoggerFactory.getLogger(PostgresUser.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final List<String> UNPRIVILEGED = List.of("jobwitness", "postgres", "nobody");
    private static final int ROOT = 0;

    /** Found by trying. The owner of the data files decides first, so that later starts do as the first one did. */
    public static PostgresUser of(PostgresFolder folder, Path programs, Path data)
            throws IOException, InterruptedException {
        var me = id(Path.of("/proc/self"), "unix:uid");
        if (id(folder.path(), "unix:uid") != me) {
            throw new EmbeddedPostgresException(("%s belongs to the user %s: run jobwitness-server as that user,"
                    + " or set JOBWITNESS_DATA_DIR to another folder").formatted(folder.path(),
                            Files.getOwner(folder.path())));
        }
        if (!Files.isExecutable(programs.resolve("bin/postgres"))) {
            throw new EmbeddedPostgresException(("Programs in %s cannot be run: is its file system mounted noexec? Set"
                    + " JOBWITNESS_DATA_DIR to another folder, or set DATABASE_URL").formatted(programs));
        }
        if (me != ROOT) {
            return new PostgresUser(Command.of(), me, id(folder.path(), "unix:gid")).checked(programs);
        }
        if (Files.exists(data) && id(data, "unix:uid") != ROOT) {
            return unprivileged(id(data, "unix:uid"), id(data, "unix:gid")).checked(programs);
        }
        try {
            var nobody = new PostgresUser(Command.of("unshare", "-U"), ROOT, ROOT);
            nobody.tryProgram(programs);
            return nobody;
        } catch (IOException e) {
            log.info("embedded_postgres_no_user_namespace cause=\"{}\"", e.getMessage());
            return handOver(folder, programs, data);
        }
    }

    /** PostgreSQL's program with this name, run as this user. */
    public Command program(Path programs, String name) {
        return prefix.then(programs.resolve("bin").resolve(name).toString());
    }

    /** Makes this user the owner. */
    public void own(Path path) throws IOException {
        if (id(path, "unix:uid") == uid) {
            return;
        }
        try (var files = Files.walk(path)) {
            // The folder itself comes last: its owner marks that all of it has been handed over.
            for (var file : files.toList().reversed()) {
                Files.setAttribute(file, "unix:gid", gid, LinkOption.NOFOLLOW_LINKS);
                Files.setAttribute(file, "unix:uid", uid, LinkOption.NOFOLLOW_LINKS);
            }
        }
    }

    private static PostgresUser unprivileged(int uid, int gid) {
        return new PostgresUser(Command.of("setpriv", "--reuid=" + uid, "--regid=" + gid, "--clear-groups"), uid, gid);
    }

    private static PostgresUser handOver(PostgresFolder folder, Path programs, Path data) throws InterruptedException {
        try {
            var name = unprivilegedName(data);
            var uid = Integer.parseInt(Command.of("id", "-u", name).run(TIMEOUT).strip());
            var gid = Integer.parseInt(Command.of("id", "-g", name).run(TIMEOUT).strip());
            var user = unprivileged(uid, gid);
            user.prefix.then("test", "-x", folder.dataFolder().resolve("..").normalize().toString()).run(TIMEOUT);
            letEnter(folder.dataFolder(), gid);
            letEnter(folder.path(), gid);
            if (Files.exists(data)) {
                user.own(data);
            }
            user.tryProgram(programs);
            log.info("embedded_postgres_runs_as user={} path={}", name, folder.path());
            return user;
        } catch (IOException e) {
            throw new EmbeddedPostgresException(("PostgreSQL does not run as root, a user namespace (unshare -U) is not"
                    + " permitted here, and running it as an unprivileged user failed: %s. Run jobwitness-server as an"
                    + " ordinary user, set JOBWITNESS_DATA_DIR to a folder that such a user can reach (all folders above"
                    + " it may be entered), or set DATABASE_URL").formatted(e.getMessage()), e);
        }
    }

    private PostgresUser checked(Path programs) throws InterruptedException {
        try {
            tryProgram(programs);
            return this;
        } catch (IOException e) {
            throw new EmbeddedPostgresException(("Cannot run PostgreSQL's programs: %s. They need a system with glibc;"
                    + " elsewhere, set DATABASE_URL").formatted(e.getMessage()), e);
        }
    }

    private void tryProgram(Path programs) throws IOException, InterruptedException {
        program(programs, "postgres").then("--version").run(TIMEOUT);
    }

    private static String unprivilegedName(Path path) throws IOException {
        var users = path.getFileSystem().getUserPrincipalLookupService();
        for (var name : UNPRIVILEGED) {
            try {
                return users.lookupPrincipalByName(name).getName();
            } catch (UserPrincipalNotFoundException e) {
                log.debug("embedded_postgres_no_such_user user={}", name);
            }
        }
        throw new IOException("there is none of the users " + UNPRIVILEGED);
    }

    /** Lets the group enter a folder of ours, but not list it. */
    private static void letEnter(Path folder, int gid) throws IOException {
        var permissions = Files.getPosixFilePermissions(folder);
        if (!permissions.contains(PosixFilePermission.OTHERS_EXECUTE)) {
            Files.setAttribute(folder, "unix:gid", gid);
            permissions.add(PosixFilePermission.GROUP_EXECUTE);
            Files.setPosixFilePermissions(folder, permissions);
        }
    }

    private static int id(Path path, String attribute) throws IOException {
        return (Integer) Files.getAttribute(path, attribute);
    }
}
