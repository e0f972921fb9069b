package org.jobwitness.server;

/** The server's main. */
public final class Server {
    private Server() {
    }

    public static void main(String[] args) {
        System.out.println("jobwitness");
    }
}
