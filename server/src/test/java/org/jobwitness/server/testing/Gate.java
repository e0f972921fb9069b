package org.jobwitness.server.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jobwitness.server.db.DatabaseAddress;

/**
 * A port before a real PostgreSQL. While it is open it passes everything on; shut, nothing listens and every connection is
 * gone, as after kill -9; silent, it takes connections and bytes and never answers, as a host that hangs.
 */
public final class Gate implements AutoCloseable {
    private final DatabaseAddress database;
    private final int port = Waiting.freePort();
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private ServerSocket listener;
    private volatile boolean silent;

    /** Shut at first. */
    public Gate(DatabaseAddress database) {
        this.database = database;
    }

    /** DATABASE_URL through the gate. */
    public String url() {
        return url(database.password());
    }

    public String url(String password) {
        return address().jdbcUrl() + "&user=" + database.user() + "&password=" + password;
    }

    /** The database's address through the gate. */
    public DatabaseAddress address() {
        return new DatabaseAddress(database.jdbcUrl().replaceFirst("127\\.0\\.0\\.1:[0-9]+", "127.0.0.1:" + port),
                database.user(), database.password());
    }

    /** What was sent into the silence stays unanswered for ever. */
    public synchronized void open() throws InterruptedException {
        silent = false;
        if (listener == null) {
            listen();
        }
    }

    /** What is connected stays so. */
    public synchronized void silence() throws InterruptedException {
        silent = true;
        if (listener == null) {
            listen();
        }
    }

    public synchronized void shut() throws IOException {
        if (listener != null) {
            listener.close();
            listener = null;
        }
        for (Socket socket : sockets) {
            socket.close();
        }
        sockets.clear();
    }

    /** The system may need a moment to let go of a listener that was just closed. */
    private void listen() throws InterruptedException {
        Waiting.until("the gate listens", Duration.ofSeconds(5), () -> {
            listener = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
            return true;
        });
        ServerSocket mine = listener;
        Thread.startVirtualThread(() -> accept(mine));
    }

    private void accept(ServerSocket from) {
        try {
            while (true) {
                Socket caller = from.accept();
                sockets.add(caller);
                if (from.isClosed()) {
                    caller.close();
                } else if (!silent) {
                    URI behind = URI.create(database.jdbcUrl().substring("jdbc:".length()));
                    Socket called = new Socket();
                    sockets.add(called);
                    called.connect(new InetSocketAddress(behind.getHost(), behind.getPort()));
                    Thread.startVirtualThread(() -> pass(caller, called));
                    Thread.startVirtualThread(() -> pass(called, caller));
                }
            }
        } catch (IOException e) {
            // Shut.
        }
    }

    private void pass(Socket from, Socket to) {
        try (from; to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            byte[] some = new byte[8192];
            for (int count = in.read(some); count >= 0; count = in.read(some)) {
                if (!silent) {
                    out.write(some, 0, count);
                }
            }
        } catch (IOException e) {
            // Shut, or one side has gone.
        }
    }

    @Override
    public void close() throws IOException {
        shut();
    }
}
