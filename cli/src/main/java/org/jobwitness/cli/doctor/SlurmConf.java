package org.jobwitness.cli.doctor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A configuration file of Slurm: the first name of each line, and its value. A name may occur several times (Prolog, since 23.11).
 * Included files are not read.
 */
record SlurmConf(Path path, Map<String, List<String>> values) {

    static SlurmConf read(Path path) throws IOException {
        Map<String, List<String>> values = new LinkedHashMap<>();
        StringBuilder line = new StringBuilder();
        for (String part : Files.readAllLines(path, StandardCharsets.ISO_8859_1)) {
            String text = part.replaceFirst("#.*", "").stripTrailing();
            if (text.endsWith("\\")) {
                line.append(text, 0, text.length() - 1);
                continue;
            }
            line.append(text);
            int equals = line.indexOf("=");
            if (equals > 0) {
                String name = line.substring(0, equals).strip().toLowerCase(Locale.ROOT);
                values.computeIfAbsent(name, _ -> new ArrayList<>()).add(line.substring(equals + 1).strip());
            }
            line.setLength(0);
        }
        return new SlurmConf(path, values);
    }

    /** The value that counts. */
    Optional<String> last(String name) {
        List<String> all = all(name);
        return all.isEmpty() ? Optional.empty() : Optional.of(all.getLast());
    }

    List<String> all(String name) {
        return values.getOrDefault(name.toLowerCase(Locale.ROOT), List.of());
    }

    /** Whether a comma-separated list contains a word. */
    boolean has(String name, String word) {
        return last(name).stream().flatMap(list -> List.of(list.split(",")).stream())
                .anyMatch(one -> one.strip().equalsIgnoreCase(word));
    }
}
