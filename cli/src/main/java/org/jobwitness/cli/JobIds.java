package org.jobwitness.cli;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;

/** The jobs that are meant by ids, ranges of ids, the output files that Slurm names after jobs, and folders of such files. */
final class JobIds {
    private static final int MAX_IDS = 1000;
    private static final Pattern RANGE = Pattern.compile("([0-9]{1,18})-([0-9]{1,18})");
    private static final Pattern OUTPUT_FILE = Pattern.compile("slurm-([0-9]{1,18}(?:_[0-9]{1,10})?)(?:[-._].*)?");

    private JobIds() {
    }

    /**
     * The ids, each once, in the order in which they are meant.
     *
     * @throws Problem if there are too many, or a folder has none or cannot be read
     */
    static List<String> of(List<String> typed) throws Problem {
        Set<String> ids = new LinkedHashSet<>();
        for (String one : typed) {
            ids.addAll(meant(one));
            if (ids.size() > MAX_IDS) {
                throw new Problem(Kind.USAGE, "more than " + MAX_IDS + " jobs are meant; name fewer, or use filters");
            }
        }
        return List.copyOf(ids);
    }

    private static Collection<String> meant(String one) throws Problem {
        Matcher range = RANGE.matcher(one);
        if (range.matches()) {
            return between(Long.parseLong(range.group(1)), Long.parseLong(range.group(2)), one);
        }
        try {
            Path path = Path.of(one);
            Matcher file = OUTPUT_FILE.matcher(String.valueOf(path.getFileName()));
            boolean isFile = one.contains("/") || one.endsWith(".out") || one.endsWith(".err");
            if (isFile && file.matches()) {
                return List.of(file.group(1));
            }
            return Files.isDirectory(path) ? inFolder(path) : List.of(one);
        } catch (InvalidPathException e) {
            return List.of(one);
        }
    }

    private static Collection<String> between(long first, long last, String typed) throws Problem {
        if (last < first || last - first >= MAX_IDS) {
            throw new Problem(Kind.USAGE, "a range must go up and have at most " + MAX_IDS + " ids, was " + typed);
        }
        Set<String> ids = new LinkedHashSet<>();
        for (long id = first; id <= last; id++) {
            ids.add(Long.toString(id));
        }
        return ids;
    }

    private static Collection<String> inFolder(Path folder) throws Problem {
        Set<String> ids = new TreeSet<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "slurm-*")) {
            for (Path path : files) {
                Matcher file = OUTPUT_FILE.matcher(String.valueOf(path.getFileName()));
                if (file.matches()) {
                    ids.add(file.group(1));
                }
            }
        } catch (IOException e) {
            throw new Problem(Kind.USAGE, "the folder " + folder + " cannot be read: " + e.getMessage());
        }
        if (ids.isEmpty()) {
            throw new Problem(Kind.USAGE, "there is no file such as slurm-4711.out in the folder " + folder);
        }
        return ids;
    }
}
