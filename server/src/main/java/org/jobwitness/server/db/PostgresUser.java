package org.jobwitness.server.db;

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
 * As whom PostgreSQL runs. It refuses to run as root, so root starts it in a user namespace, where it is nobody and
 * has lost root's privileges; where that is not allowed (many containers), as an unprivileged user to whom the folder is
 * handed.
 *
 * @param prefix what stands before every call of PostgreSQL's programs
 */
record PostgresUser(Command prefix) {
    private static final Logger log = LoggerFactory.getLogger(PostgresUser.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final List<String> UNPRIVILEGED = List.of("jobwitness", "postgres", "nobody");
    private static final int ROOT = 0;

    /** Finds it by trying. Who owns the folder decides first, so that a later start does as the first one did. */
    static PostgresUser of(PostgresFolder folder, Path programs) throws IOException, InterruptedException {
        var me = id(Path.of("/proc/self"), "unix:uid");
        var owner = id(folder.path(), "unix:uid");
        if (me != ROOT && me != owner) {
            throw new EmbeddedPostgresException(("%s belongs to the user %s: run jobwitness-server as that user,"
                    + " or set JOBWITNESS_DATA_DIR to another folder").formatted(folder.path(),
                            Files.getOwner(folder.path())));
        }
        if (me != ROOT) {
            return proved(new PostgresUser(new Command(List.of())), programs);
        }
        if (owner != ROOT) {
            return proved(unprivileged(owner, id(folder.path(), "unix:gid")), programs);
        }
        try {
            return proved(new PostgresUser(Command.of("unshare", "-U")), programs);
        } catch (EmbeddedPostgresException e) {
            log.info("embedded_postgres_no_user_namespace error={}", e.getMessage());
            return handOver(folder, programs);
        }
    }

    /** PostgreSQL's program with this name, run as this user. */
    Command program(Path programs, String name) {
        return prefix.then(programs.resolve("bin").resolve(name).toString());
    }

    private static PostgresUser unprivileged(int uid, int gid) {
        return new PostgresUser(Command.of("setpriv", "--reuid=" + uid, "--regid=" + gid, "--clear-groups"));
    }

    private static PostgresUser proved(PostgresUser user, Path programs) throws InterruptedException {
        try {
            user.program(programs, "postgres").then("--version").run(TIMEOUT);
            return user;
        } catch (IOException e) {
            throw new EmbeddedPostgresException(("Cannot run PostgreSQL's programs in %s: %s. The folder must not be on"
                    + " a file system mounted noexec, and the system needs glibc: set JOBWITNESS_DATA_DIR to another"
                    + " folder, or set DATABASE_URL").formatted(programs, e.getMessage()), e);
        }
    }

    private static PostgresUser handOver(PostgresFolder folder, Path programs) throws InterruptedException {
        var dataFolder = folder.dataFolder();
        try {
            var name = unprivilegedName(dataFolder);
            var uid = Integer.parseInt(Command.of("id", "-u", name).run(TIMEOUT).strip());
            var gid = Integer.parseInt(Command.of("id", "-g", name).run(TIMEOUT).strip());
            var user = unprivileged(uid, gid);
            user.prefix.then("test", "-x", dataFolder.resolve("..").normalize().toString()).run(TIMEOUT);
            log.info("embedded_postgres_folder_handed_over path={} user={}", folder.path(), name);
            letPass(dataFolder, gid);
            own(folder, uid, gid);
            return proved(user, programs);
        } catch (IOException | EmbeddedPostgresException e) {
            throw new EmbeddedPostgresException(("PostgreSQL does not run as root, a user namespace (unshare -U) is not"
                    + " permitted here, and running it as an unprivileged user failed: %s. Run jobwitness-server as an"
                    + " ordinary user, set JOBWITNESS_DATA_DIR to a folder that such a user can reach (%s is not, unless"
                    + " all folders above it may be entered), or set DATABASE_URL")
                    .formatted(e.getMessage(), dataFolder),
                    e);
        }
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

    /** Lets the user's group pass through our data folder to its own, without a look at what else lies there. */
    private static void letPass(Path dataFolder, int gid) throws IOException {
        var permissions = Files.getPosixFilePermissions(dataFolder);
        if (!permissions.contains(PosixFilePermission.OTHERS_EXECUTE)) {
            Files.setAttribute(dataFolder, "unix:gid", gid);
            permissions.add(PosixFilePermission.GROUP_EXECUTE);
            Files.setPosixFilePermissions(dataFolder, permissions);
        }
    }

    private static void own(PostgresFolder folder, int uid, int gid) throws IOException {
        try (var files = Files.walk(folder.path())) {
            // The folder itself comes last: its owner says that all of it has been handed over.
            for (var file : files.toList().reversed()) {
                Files.setAttribute(file, "unix:gid", gid, LinkOption.NOFOLLOW_LINKS);
                Files.setAttribute(file, "unix:uid", uid, LinkOption.NOFOLLOW_LINKS);
            }
        }
    }

    private static int id(Path path, String attribute) throws IOException {
        return (Integer) Files.getAttribute(path, attribute);
    }
}
