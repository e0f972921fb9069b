package org.jobwitness.agent;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.jobwitness.agent.files.FileAccess;

/** A user that is neither root nor the agent's own. Only root can give files away, so tests that do are skipped for others. */
public final class ForeignUser {
    /** {@code nobody} on every distribution. */
    public static final int UID = 65534;

    private ForeignUser() {
    }

    public static void own(Path file) throws IOException {
        assumeTrue(FileAccess.ownUid() == 0, "only root can give files away");
        Files.setAttribute(file, "unix:uid", UID, LinkOption.NOFOLLOW_LINKS);
    }
}
