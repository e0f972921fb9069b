package org.jobwitness.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * Runs the commands that stand on standard input, one a line, in one process. deploy/launcher/build-cli has the classes recorded
 * that they load; one command alone would record its own.
 */
final class Rehearsal {
    private Rehearsal() {
    }

    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            int status = Jobwitness.run(Jobwitness.here(), line.split(" ", -1));
            if (status != 0) {
                System.exit(status);
            }
        }
    }
}
