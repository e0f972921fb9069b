package org.jobwitness.agent.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The owner and the mode of a file or folder.
 *
 * @param mode the permissions, as in chmod
 */
public record FileAccess(long uid, int mode) {
    private static final long ROOT = 0;
    private static final int PERMISSIONS = 0_7777;
    private static final int WRITABLE_BY_GROUP_OR_OTHERS = 0_022;
    private static final int READABLE_OR_WRITABLE_BY_OTHERS = 0_006;
    /** Real, effective, saved, and the one of files (proc(5)). */
    private static final Pattern UIDS = Pattern.compile("Uid:\\s+\\d+\\s+\\d+\\s+\\d+\\s+(\\d+)");

    /** Of a symbolic link itself, not of its target. */
    public static FileAccess of(Path file) throws IOException {
        int uid = (int) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
        int mode = (int) Files.getAttribute(file, "unix:mode", LinkOption.NOFOLLOW_LINKS);
        return new FileAccess(Integer.toUnsignedLong(uid), mode & PERMISSIONS);
    }

    /** The user that owns files of this process; /proc/self itself may be root's although the process is not. */
    public static long ownUid() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            Matcher uids = UIDS.matcher(line);
            if (uids.matches()) {
                return Long.parseLong(uids.group(1));
            }
        }
        throw new IOException("/proc/self/status has no Uid");
    }

    /** Why a user other than root and the agent's own may have written it, or may write it; empty if none can. */
    public Optional<String> foreignWriter() throws IOException {
        if (uid != ROOT && uid != ownUid()) {
            return Optional.of("it belongs to the user with uid " + uid);
        }
        return (mode & WRITABLE_BY_GROUP_OR_OTHERS) != 0
                ? Optional.of("its group or all users may write it (mode " + octal() + ")")
                : Optional.empty();
    }

    /** Why a secret in it is none; empty if only its owner and group may read and write it. */
    public Optional<String> exposure() {
        return (mode & READABLE_OR_WRITABLE_BY_OTHERS) != 0
                ? Optional.of("all users may read or write it (mode " + octal() + ")")
                : Optional.empty();
    }

    private String octal() {
        return String.format(Locale.ROOT, "%04o", mode);
    }
}
