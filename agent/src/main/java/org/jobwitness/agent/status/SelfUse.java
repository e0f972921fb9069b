package org.jobwitness.agent.status;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The resources that this process uses, from /proc/self (proc(5)). */
final class SelfUse {
    private static final int TICKS_PER_SECOND = 100;
    private static final Path SELF = Path.of("/proc/self");

    /** User and system time; empty if unknown. */
    OptionalLong cpuMillis() {
        try {
            String stat = Files.readString(SELF.resolve("stat"));
            String[] words = stat.substring(stat.lastIndexOf(')') + 1).trim().split(" ", 14);
            return OptionalLong.of((Long.parseLong(words[11]) + Long.parseLong(words[12])) * 1000 / TICKS_PER_SECOND);
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }

    /** VmRSS. */
    OptionalLong residentBytes() {
        try {
            return Files.readAllLines(SELF.resolve("status")).stream().filter(line -> line.startsWith("VmRSS:"))
                    .map(line -> line.replaceAll("[^0-9]", "")).mapToLong(kb -> Long.parseLong(kb) * 1024).findFirst();
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }
}
