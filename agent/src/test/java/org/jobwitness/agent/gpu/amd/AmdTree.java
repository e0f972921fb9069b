package org.jobwitness.agent.gpu.amd;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A sysfs with AMD's GPUs in it, in plain files: named and laid out as Linux 6.12 does. */
public final class AmdTree {
    private final Path sys;
    private int cards;
    private int nodes = 1;

    public AmdTree(Path sys) {
        this.sys = sys;
        write("class/kfd/kfd/topology/nodes/0/gpu_id", "0\n"); // the CPUs
        write("class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 64\nlocation_id 0\n");
        folder("class/kfd/kfd/proc");
    }

    public Path sys() {
        return sys;
    }

    /** A card of some driver at that address; answers its folder, below the root. */
    String card(String pci, String driver) {
        String device = "devices/pci0000:00/" + pci;
        folder(device);
        folder("bus/pci/drivers/" + driver);
        link(device + "/driver", "../../../bus/pci/drivers/" + driver);
        String card = "class/drm/card" + cards;
        folder(card);
        folder(card + "-DP-1"); // a connector, which is no card
        link(card + "/device", "../../../" + device);
        cards++;
        return device;
    }

    /** An MI210: all that a whole GPU has. */
    public String mi210(String pci, String uniqueId) {
        String device = card(pci, "amdgpu");
        write(device + "/unique_id", uniqueId + "\n");
        write(device + "/product_name", "AMD Instinct MI210\n");
        write(device + "/power/runtime_status", "active\n");
        write(device + "/gpu_busy_percent", "40\n");
        write(device + "/mem_info_vram_used", "1073741824\n");
        write(device + "/mem_info_vram_total", "68702699520\n");
        String sensors = device + "/hwmon/hwmon3";
        write(sensors + "/name", "amdgpu\n");
        write(sensors + "/power1_average", "123000000\n");
        write(sensors + "/temp1_label", "edge\n");
        write(sensors + "/temp1_input", "45000\n");
        write(sensors + "/temp2_label", "junction\n");
        write(sensors + "/temp2_input", "51000\n");
        write(sensors + "/energy1_input", "987654321000\n");
        write(sensors + "/freq1_label", "sclk\n");
        write(sensors + "/freq1_input", "1700000000\n");
        return device;
    }

    /** What KFD tells of a GPU or a partition: {@code location} is bus, device and function, and the partition above. */
    public void unit(long gpuId, long location, String uniqueId, int renderMinor, long memoryBytes) {
        String node = "class/kfd/kfd/topology/nodes/" + nodes++;
        write(node + "/gpu_id", gpuId + "\n");
        write(node + "/properties", "cpu_cores_count 0\nsimd_count 416\ndomain 0\nlocation_id " + location
                + "\ndrm_render_minor " + renderMinor + "\nunique_id " + Long.parseUnsignedLong(uniqueId, 16) + "\n");
        write(node + "/mem_banks/0/properties", "heap_type 1\nsize_in_bytes " + memoryBytes + "\nflags 0\n");
    }

    void process(int pid, long gpuId, long memoryBytes) {
        write("class/kfd/kfd/proc/" + pid + "/pasid", "32770\n");
        write("class/kfd/kfd/proc/" + pid + "/vram_" + gpuId, memoryBytes + "\n");
    }

    void queue(int pid, int queue, long gpuId) {
        write("class/kfd/kfd/proc/" + pid + "/queues/" + queue + "/gpuid", gpuId + "\n");
    }

    void write(String path, String text) {
        try {
            Files.createDirectories(sys.resolve(path).getParent());
            Files.writeString(sys.resolve(path), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public void delete(String path) {
        try {
            Files.delete(sys.resolve(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public void folder(String path) {
        try {
            Files.createDirectories(sys.resolve(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void link(String path, String target) {
        try {
            Files.createSymbolicLink(sys.resolve(path), Path.of(target));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
