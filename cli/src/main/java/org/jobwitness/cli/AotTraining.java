package org.jobwitness.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Runs the commands of standard input, one a line, in one process: the training run whose classes deploy/launcher/build-cli puts
 * into the AOT cache.
 */
final class AotTraining {
    private AotTraining() {
    }

    public static void main(String[] arguments) throws IOException {
        Locale.setDefault(Locale.ROOT);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            int status = Jobwitness.run(Jobwitness.context(), line.split(" ", -1));
            if (status != 0) {
                System.exit(status);
            }
        }
    }
}
