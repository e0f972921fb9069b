package org.jobwitness.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The real server in the process of the tests, for those that are not of its package. */
public final class ServerInProcess implements AutoCloseable {
    private final Server server;

    /** Starts it with these settings and no others. */
    public ServerInProcess(Path dataDir, List<String> flags) {
        try {
            server = new Server(ServerConfig.read(flags, Map.of(), dataDir.resolve(".env")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException | ServerConfig.BadSetting e) {
            throw new IllegalStateException(e);
        }
    }

    public int port() {
        return server.port();
    }

    public List<String> routes() {
        return server.routes();
    }

    @Override
    public void close() {
        server.close();
    }
}
