package org.jobwitness.server.scheduler;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** What Slurm knows us by. Whoever makes tokens anew may write the file at any time: it is read for each call. */
public sealed interface AuthToken {

    /** On a Unix socket, slurmrestd may know us by our user. */
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
            case InFile inFile -> Optional.of(ofFile(inFile.file()));
        };
    }

    /** Also takes what {@code scontrol token} prints: {@code SLURM_JWT=...}. */
    private static String ofFile(Path file) throws SlurmException {
        try {
            String token = Files.readString(file, StandardCharsets.US_ASCII).strip().replaceFirst("^SLURM_JWT=", "");
            if (isToken(token)) {
                return token;
            }
        } catch (NoSuchFileException e) {
            throw unreadable(file, "is not there", e);
        } catch (AccessDeniedException e) {
            throw unreadable(file, "may not be read by the server's user", e);
        } catch (IOException e) {
            throw unreadable(file, "cannot be read: " + e.getMessage(), e);
        }
        throw new SlurmException(SlurmException.Trouble.UNAUTHORIZED,
                "SLURM_AUTH_TOKEN_FILE " + file + " does not hold one token and nothing else");
    }

    private static SlurmException unreadable(Path file, String why, IOException cause) {
        return new SlurmException(SlurmException.Trouble.UNAUTHORIZED, "SLURM_AUTH_TOKEN_FILE " + file + " " + why,
                cause);
    }

    /** Whether it may stand in a header. */
    static boolean isToken(String text) {
        return text.matches("[A-Za-z0-9._~+/=-]{1,16384}");
    }
}
