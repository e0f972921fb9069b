package org.jobwitness.agent.gpu.nvidia;

import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * NVIDIA's GPUs and their parts (MIG), told by the driver's own library, which is linked when there is a driver and let go of on
 * request. As long as it is held, the driver stays loaded and the GPUs initialised.
 */
final class Nvml implements GpuSource {
    /** More than a cycle has. The rest is heard next time. */
    private static final int MOST_XIDS = 64;

    private final String libraryName;
    private final Path controlDevice;
    private @Nullable Session session;

    /**
     * What is held of the driver.
     *
     * @param lost GPUs that could not be opened
     * @param xids that the driver tells of them; null if it has no such thing
     */
    private record Session(NvmlLibrary library, List<NvmlDevice> devices, List<GpuState> lost,
            @Nullable MemorySegment xids) {
    }

    /** A GPU that the library knows. */
    private record Found(GpuName name, MemorySegment handle) {
    }

    /**
     * Opens nothing yet.
     *
     * @param libraryName for the system's loader, or a path
     * @param controlDevice which is there when the driver is
     */
    Nvml(String libraryName, Path controlDevice) {
        this.libraryName = libraryName;
        this.controlDevice = controlDevice;
    }

    @Override
    public String name() {
        return "NVML";
    }

    @Override
    public boolean isThere() {
        return Files.exists(controlDevice);
    }

    @Override
    public List<GpuState> read() throws GpuSourceException {
        try {
            return readOrRefuse();
        } catch (NvmlLibrary.NotThere | NvmlException e) {
            throw new GpuSourceException(String.valueOf(e.getMessage()));
        }
    }

    /** As {@link #read}, but tells a library that is not there from a driver that refuses. */
    List<GpuState> readOrRefuse() throws NvmlLibrary.NotThere, NvmlException {
        Session held = session;
        if (held == null) {
            held = open();
            session = held;
        }
        hearXids(held);
        List<GpuState> states = new ArrayList<>();
        for (NvmlDevice device : held.devices) {
            states.addAll(device.read());
        }
        states.addAll(held.lost);
        return states;
    }

    @Override
    public void keepUp() {
        Session held = session;
        if (held != null) {
            held.devices.forEach(NvmlDevice::keepUp);
        }
    }

    private Session open() throws NvmlLibrary.NotThere, NvmlException {
        NvmlLibrary library = new NvmlLibrary(libraryName);
        try {
            library.init();
            List<Found> found = new ArrayList<>();
            List<GpuState> lost = new ArrayList<>();
            int count = library.deviceCount();
            for (int number = 0; number < count; number++) {
                try {
                    found.add(find(library, number));
                } catch (NvmlException e) {
                    lost.add(GpuState.unknown(new GpuName(GpuVendor.NVIDIA, null, null, null, number, null, null),
                            String.valueOf(e.getMessage())));
                }
            }
            List<NvmlDevice> devices = (lost.isEmpty() ? inPciOrder(found) : found).stream()
                    .map(one -> new NvmlDevice(library, one.name, one.handle)).toList();
            return new Session(library, devices, List.copyOf(lost), listen(library, devices));
        } catch (NvmlException | RuntimeException e) {
            library.close();
            throw e;
        }
    }

    private static Found find(NvmlLibrary library, int number) throws NvmlException {
        MemorySegment handle = library.device(number);
        return new Found(new GpuName(GpuVendor.NVIDIA, library.uuid(handle), library.pci(handle),
                NvmlQueries.orNull(() -> library.minor(handle)), number, null,
                NvmlQueries.orNull(() -> library.model(handle))), handle);
    }

    /** As Slurm numbers them. NVML does so too, but does not promise it. */
    private static List<Found> inPciOrder(List<Found> found) {
        List<String> addresses = found.stream().map(one -> Objects.requireNonNull(one.name.pci())).sorted().toList();
        return found.stream().map(one -> {
            GpuName name = one.name;
            return new Found(new GpuName(name.vendor(), name.uuid(), name.pci(), name.minor(),
                    addresses.indexOf(name.pci()), null, name.model()), one.handle);
        }).toList();
    }

    private static @Nullable MemorySegment listen(NvmlLibrary library, List<NvmlDevice> devices) {
        MemorySegment xids = NvmlQueries.orNull(library::newEvents);
        for (NvmlDevice device : devices) {
            if (xids == null) {
                device.hearsNoXids("the driver tells of none");
            } else {
                device.listenForXids(xids);
            }
        }
        return xids;
    }

    private static void hearXids(Session held) {
        if (held.xids == null) {
            return;
        }
        try {
            for (int i = 0; i < MOST_XIDS; i++) {
                Optional<NvmlLibrary.Xid> next = held.library.nextXid(held.xids);
                if (next.isEmpty()) {
                    return;
                }
                held.devices.forEach(device -> device.hear(next.get()));
            }
        } catch (NvmlException e) {
            held.devices.forEach(device -> device.hearsNoXids(String.valueOf(e.getMessage())));
        }
    }

    @Override
    public void release() {
        Session held = session;
        session = null;
        if (held == null) {
            return;
        }
        try {
            for (NvmlDevice device : held.devices) {
                device.release();
            }
            if (held.xids != null) {
                held.library.freeEvents(held.xids);
            }
        } catch (NvmlException e) {
            // The driver has gone, and what it kept for us with it.
        } finally {
            held.library.close();
        }
    }

    @Override
    public void close() {
        release();
    }
}
