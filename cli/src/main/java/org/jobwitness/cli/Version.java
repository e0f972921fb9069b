package org.jobwitness.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** The version of this command, from its jar. */
final class Version {
    private Version() {
    }

    static String current() {
        try (InputStream version = Version.class.getResourceAsStream("/jobwitness.version")) {
            return version == null ? "?" : new String(version.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "?";
        }
    }
}
