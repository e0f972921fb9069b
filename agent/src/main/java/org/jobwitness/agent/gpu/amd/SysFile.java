package org.jobwitness.agent.gpu.amd;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * The content of a small file in /sys, or why it could not be read: while a GPU is reset, its driver may refuse with EBUSY, EPERM
 * or EINVAL.
 */
record SysFile(String text, String problem) {
    private static final Pattern NUMBER = Pattern.compile("-?[0-9]{1,18}");

    static SysFile read(Path file) {
        try {
            return new SysFile(new String(Files.readAllBytes(file), StandardCharsets.UTF_8).strip(), "");
        } catch (NoSuchFileException e) {
            return new SysFile("", "amdgpu has no " + file.getFileName() + " for this GPU");
        } catch (AccessDeniedException e) {
            return new SysFile("", file.getFileName() + " may not be read by the agent's user");
        } catch (IOException e) {
            return new SysFile("", file.getFileName() + " cannot be read: " + e.getMessage());
        }
    }

    /** Its number; empty if it could not be read, or holds something else. */
    OptionalLong number() {
        return NUMBER.matcher(text).matches() ? OptionalLong.of(Long.parseLong(text)) : OptionalLong.empty();
    }

    /** Its number times a unit. */
    OptionalDouble times(double unit) {
        OptionalLong number = number();
        return number.isPresent() ? OptionalDouble.of(number.getAsLong() * unit) : OptionalDouble.empty();
    }

    /** Why there is no number. */
    String cause() {
        return problem.isEmpty() ? "amdgpu has no number there" : problem;
    }

    Optional<String> line() {
        return text.isEmpty() ? Optional.empty() : text.lines().findFirst();
    }
}
