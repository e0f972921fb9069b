package org.jobwitness.server.testing;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jobwitness.server.db.DatabaseAddress;

/**
 * A port before a real PostgreSQL that breaks a connection at a chosen statement, as if either side had been killed there: the
 * statement is done, and nobody hears of it. What was not committed by then is undone, so that this is also how it would be
 * before the next statement. It counts the statements of all connections; the end of a COPY is one too.
 */
public final class Breaker implements AutoCloseable {
    private static final int NEVER = Integer.MAX_VALUE;

    private final DatabaseAddress database;
    private final ServerSocket listener;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    /** Guards what follows. */
    private final Object lock = new Object();
    private int seen;
    private int breakAt = NEVER;
    private boolean isBroken;

    public Breaker(DatabaseAddress database) throws IOException {
        this.database = database;
        listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.startVirtualThread(this::accept);
    }

    /** The database's address through this. */
    public DatabaseAddress address() {
        return new DatabaseAddress(database.jdbcUrl().replaceFirst("127\\.0\\.0\\.1:[0-9]+",
                "127.0.0.1:" + listener.getLocalPort()), database.user(), database.password());
    }

    /** From now on statements are counted anew, and one connection breaks at this one, the first being 1. */
    public void breakAt(int statement) {
        synchronized (lock) {
            seen = 0;
            breakAt = statement;
            isBroken = false;
        }
    }

    /** How many statements there were since {@link #breakAt}. */
    public int statements() {
        synchronized (lock) {
            return seen;
        }
    }

    /** Breaks nothing any more. @return whether something was broken */
    public boolean leaveAlone() {
        synchronized (lock) {
            breakAt = NEVER;
            return isBroken;
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket caller = listener.accept();
                sockets.add(caller);
                URI behind = URI.create(database.jdbcUrl().substring("jdbc:".length()));
                Socket called = new Socket();
                sockets.add(called);
                called.connect(new InetSocketAddress(behind.getHost(), behind.getPort()));
                Wire wire = new Wire(caller, called);
                Thread.startVirtualThread(wire::ask);
                Thread.startVirtualThread(wire::answer);
            }
        } catch (IOException e) {
            // Closed.
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    /** One connection. */
    private final class Wire {
        private final Socket caller;
        private final Socket called;
        private volatile boolean isDeaf;

        Wire(Socket caller, Socket called) {
            this.caller = caller;
            this.called = called;
        }

        void ask() {
            try (caller; called) {
                DataInputStream in = new DataInputStream(new BufferedInputStream(caller.getInputStream(), 1 << 16));
                DataOutputStream out = new DataOutputStream(
                        new BufferedOutputStream(called.getOutputStream(), 1 << 16));
                int length = in.readInt(); // the first message has no type
                out.writeInt(length);
                out.write(in.readNBytes(length - 4));
                out.flush();
                while (true) {
                    byte type = in.readByte();
                    isDeaf |= isStatement(type) && isTheOne();
                    pass(type, in, out);
                    if (in.available() == 0) {
                        out.flush();
                    }
                }
            } catch (IOException e) {
                // One side has gone.
            }
        }

        void answer() {
            try (caller; called) {
                DataInputStream in = new DataInputStream(new BufferedInputStream(called.getInputStream(), 1 << 16));
                DataOutputStream out = new DataOutputStream(
                        new BufferedOutputStream(caller.getOutputStream(), 1 << 16));
                while (true) {
                    byte type = in.readByte();
                    if (isDeaf) {
                        in.skipNBytes(in.readInt() - 4);
                        if (isEndOfAnswer(type)) {
                            return;
                        }
                    } else {
                        pass(type, in, out);
                        if (in.available() == 0) {
                            out.flush();
                        }
                    }
                }
            } catch (IOException e) {
                // One side has gone.
            }
        }

        private static void pass(byte type, DataInputStream in, DataOutputStream out) throws IOException {
            int length = in.readInt();
            byte[] body = in.readNBytes(length - 4);
            out.writeByte(type);
            out.writeInt(length);
            out.write(body);
        }

        /** Query, Execute, CopyDone. */
        private static boolean isStatement(byte type) {
            return type == 'Q' || type == 'E' || type == 'c';
        }

        /** ReadyForQuery, and CopyInResponse, after which the caller goes on. */
        private static boolean isEndOfAnswer(byte type) {
            return type == 'Z' || type == 'G';
        }
    }

    private boolean isTheOne() {
        synchronized (lock) {
            boolean isIt = ++seen == breakAt;
            isBroken |= isIt;
            return isIt;
        }
    }
}
