package org.jobwitness.cli.service;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jobwitness.cli.service.Problem.Kind;

/** /etc/jobwitness/jobwitness.conf, shared with prolog, epilog and agent: lines of {@code NAME=value}, never evaluated. */
public record ConfFile(Path path, Map<String, String> values) {

    public ConfFile {
        values = Map.copyOf(values);
    }

    /**
     * Reads it; a missing file is empty.
     *
     * @throws Problem if it exists and cannot be read
     */
    public static ConfFile read(Path path) throws Problem {
        Map<String, String> values = new HashMap<>();
        if (Files.exists(path)) {
            try {
                // As Latin-1, which every file is: the names and values that matter are ASCII.
                for (String line : Files.readAllLines(path, StandardCharsets.ISO_8859_1)) {
                    int equals = line.indexOf('=');
                    if (equals > 0) {
                        values.put(line.substring(0, equals).strip(), unquoted(line.substring(equals + 1).strip()));
                    }
                }
            } catch (IOException e) {
                throw new Problem(Kind.USAGE, path + " cannot be read: " + e.getMessage());
            }
        }
        return new ConfFile(path, values);
    }

    private static String unquoted(String value) {
        boolean quoted = value.length() > 1 && (value.startsWith("\"") || value.startsWith("'"))
                && value.charAt(value.length() - 1) == value.charAt(0);
        return quoted ? value.substring(1, value.length() - 1) : value;
    }
}
