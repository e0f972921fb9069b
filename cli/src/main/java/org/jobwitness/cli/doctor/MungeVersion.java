package org.jobwitness.cli.doctor;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which MUNGE is installed, by {@code munged --version}; whether it is one with CVE-2026-25506, which 0.5.18 mends. */
final class MungeVersion {
    private static final Pattern VERSION = Pattern.compile("munge-0\\.([0-9]{1,4})\\.([0-9]{1,4})\\b.*",
            Pattern.DOTALL);
    private static final int TIMEOUT_SECONDS = 2;
    private static final int MAX_BYTES = 4096;

    private MungeVersion() {
    }

    /** Empty where there is none, or it does not say. */
    static Optional<CheckResult> check(Path root) {
        Path munged = root.resolve("usr/sbin/munged");
        return Files.isExecutable(munged) ? output(munged).flatMap(MungeVersion::check) : Optional.empty();
    }

    private static Optional<CheckResult> check(String output) {
        Matcher version = VERSION.matcher(output);
        if (!version.matches()) {
            return Optional.empty();
        }
        int minor = Integer.parseInt(version.group(1));
        int patch = Integer.parseInt(version.group(2));
        String number = "0." + minor + "." + patch;
        return Optional.of(minor > 5 || (minor == 5 && patch >= 18)
                ? CheckResult.ok("munge", number)
                : CheckResult.unknown("munge", number + ": it has CVE-2026-25506, which 0.5.18 mends, unless your"
                        + " distribution has mended it under this number"));
    }

    private static Optional<String> output(Path munged) {
        try {
            Process process = new ProcessBuilder(munged.toString(), "--version").redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null"))).start();
            try (InputStream out = process.getInputStream()) {
                return process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)
                        ? Optional.of(new String(out.readNBytes(MAX_BYTES), StandardCharsets.UTF_8).strip())
                        : Optional.empty();
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }
}
