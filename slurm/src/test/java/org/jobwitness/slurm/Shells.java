package org.jobwitness.slurm;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The shells of this machine that are /bin/sh somewhere: Debian's, Red Hat's, and that of small images. */
final class Shells {
    private static final List<List<String>> KNOWN = List.of(List.of("/bin/dash"), List.of("/bin/bash", "--posix"),
            List.of("/bin/busybox", "sh"));

    private Shells() {
    }

    static List<List<String>> here() {
        return KNOWN.stream().filter(shell -> Files.isExecutable(Path.of(shell.getFirst()))).toList();
    }
}
