package org.jobwitness.server.scheduler;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** The token for Slurm. A file is read for each call, so that it may be renewed at any time. */
public sealed interface AuthToken {

    /** On a Unix socket, slurmrestd may authenticate the user of the server. */
    record None() implements AuthToken {
    }

    /** Never shown. */
    record Fixed(String token) implements AuthToken {
        @Override
        public String toString() {
            return "a token";
        }
    }

    record InFile(Path file) implements AuthToken {
    }

    /**
     * The token as it is now.
     *
     * @throws SlurmException if the file cannot be read, or holds none
     */
    default Optional<String> read() throws SlurmException {
        return switch (this) {
            case None _ -> Optional.empty();
            case Fixed fixed -> Optional.of(fixed.token());
            case InFile inFile -> Optional.of(tokenIn(inFile.file()));
        };
    }

    /** Also accepts the output of {@code scontrol token}: {@code SLURM_JWT=...}. */
    private static String tokenIn(Path file) throws SlurmException {
        try {
            String token = Files.readString(file, StandardCharsets.US_ASCII).strip().replaceFirst("^SLURM_JWT=", "");
            if (isToken(token)) {
                return token;
            }
        } catch (NoSuchFileException e) {
            throw unreadable(file, "does not exist", e);
        } catch (AccessDeniedException e) {
            throw unreadable(file, "is not readable by the server's user", e);
        } catch (IOException e) {
            throw unreadable(file, "cannot be read: " + e.getMessage(), e);
        }
        throw new SlurmException(SlurmException.Problem.UNAUTHORIZED,
                "SLURM_AUTH_TOKEN_FILE " + file + " does not hold one token and nothing else");
    }

    private static SlurmException unreadable(Path file, String why, IOException cause) {
        return new SlurmException(SlurmException.Problem.UNAUTHORIZED, "SLURM_AUTH_TOKEN_FILE " + file + " " + why,
                cause);
    }

    /** Whether it is allowed in a header. */
    static boolean isToken(String text) {
        return text.matches("[A-Za-z0-9._~+/=-]{1,16384}");
    }
}
