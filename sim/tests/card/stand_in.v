// A card in miniature: its wire goes back to itself, and it copies bursts of memory and sends messages when it is told to.
//   0x40, 0x44 source   0x48, 0x4c destination   0x50 beats: begins to copy   0x54 (read) done in bit 8, rresp in 1:0, bresp in 5:4
//   0x58 vector: sends its message of the MSI-X table at 0xc000, or with MSI-X off raises its wire; 0x5c drops the wires
module card(input wire clock, input wire reset,
  input wire [15:0] s_axil_awaddr, input wire s_axil_awvalid, output wire s_axil_awready,
  input wire [31:0] s_axil_wdata, input wire [3:0] s_axil_wstrb, input wire s_axil_wvalid, output wire s_axil_wready,
  output reg [1:0] s_axil_bresp, output reg s_axil_bvalid, input wire s_axil_bready,
  input wire [15:0] s_axil_araddr, input wire s_axil_arvalid, output wire s_axil_arready,
  output reg [31:0] s_axil_rdata, output reg [1:0] s_axil_rresp, output reg s_axil_rvalid, input wire s_axil_rready,
  output wire [127:0] m_axis_wire_tdata, output wire [15:0] m_axis_wire_tkeep, output wire m_axis_wire_tvalid, input wire m_axis_wire_tready,
  output wire m_axis_wire_tlast,
  input wire [127:0] s_axis_wire_tdata, input wire [15:0] s_axis_wire_tkeep, input wire s_axis_wire_tvalid, output wire s_axis_wire_tready,
  input wire s_axis_wire_tlast, input wire s_axis_wire_tuser,
  output wire [4:0] m_axi_arid, output wire [63:0] m_axi_araddr, output wire [7:0] m_axi_arlen, output reg m_axi_arvalid, input wire m_axi_arready,
  input wire [4:0] m_axi_rid, input wire [127:0] m_axi_rdata, input wire [1:0] m_axi_rresp, input wire m_axi_rlast, input wire m_axi_rvalid,
  output wire m_axi_rready,
  output wire [1:0] m_axi_awid, output wire [63:0] m_axi_awaddr, output wire [7:0] m_axi_awlen, output reg m_axi_awvalid, input wire m_axi_awready,
  output wire [127:0] m_axi_wdata, output wire [15:0] m_axi_wstrb, output wire m_axi_wlast, output reg m_axi_wvalid, input wire m_axi_wready,
  input wire [1:0] m_axi_bid, input wire [1:0] m_axi_bresp, input wire m_axi_bvalid, output wire m_axi_bready,
  output reg [2:0] interrupts, input wire msix_enable, input wire msix_mask, input wire halt, output wire halted);
  parameter CAP = 32'h000413a1;

  assign m_axis_wire_tdata = s_axis_wire_tdata; assign m_axis_wire_tkeep = s_axis_wire_tkeep; assign m_axis_wire_tlast = s_axis_wire_tlast;
  assign m_axis_wire_tvalid = s_axis_wire_tvalid && !reset; assign s_axis_wire_tready = m_axis_wire_tready && !reset;

  reg [31:0] registers [0:63];  // 0x40.. and the table at 0xc000..
  function [5:0] place(input [15:0] address); place = {address[15], address[6:2]}; endfunction
  wire write = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid && !reset;
  wire read = s_axil_arvalid && !s_axil_rvalid && !reset;
  assign s_axil_awready = write; assign s_axil_wready = write; assign s_axil_arready = read;

  reg reading, writing, waiting, message;
  reg [4:0] count, beats; reg [1:0] vector; reg [8:0] status;
  reg [127:0] held [0:15];
  wire busy = reading || writing || waiting;
  wire [63:0] target = message ? {registers[{1'b1, 1'b0, vector, 2'd1}], registers[{1'b1, 1'b0, vector, 2'd0}]} : {registers[6'h13], registers[6'h12]};
  assign m_axi_arid = 5'd9; assign m_axi_araddr = {registers[6'h11], registers[6'h10]}; assign m_axi_arlen = {3'b0, beats} - 8'd1;
  assign m_axi_rready = 1;
  assign m_axi_awid = {1'b1, message}; assign m_axi_awaddr = {target[63:4], 4'b0}; assign m_axi_awlen = message ? 0 : {3'b0, beats} - 8'd1;
  assign m_axi_wdata = message ? {4{registers[{1'b1, 1'b0, vector, 2'd2}]}} : held[count[3:0]];
  assign m_axi_wstrb = message ? 16'hf << target[3:0] : 16'hffff;
  assign m_axi_wlast = message || count + 5'd1 == beats;
  assign m_axi_bready = 1;
  assign halted = halt && !busy;

  always @(posedge clock) begin
    s_axil_bvalid <= !reset && (write || (s_axil_bvalid && !s_axil_bready));
    s_axil_rvalid <= !reset && (read || (s_axil_rvalid && !s_axil_rready));
    if (write) begin s_axil_bresp <= 0; registers[place(s_axil_awaddr)] <= s_axil_wdata; end
    if (read) begin
      s_axil_rresp <= 0;
      s_axil_rdata <= s_axil_araddr == 16'h8004 ? CAP : s_axil_araddr == 16'h54 ? {23'b0, status} : registers[place(s_axil_araddr)];
    end
    if (write && s_axil_awaddr == 16'h50 && !busy && !halt) begin
      reading <= 1; m_axi_arvalid <= 1; beats <= s_axil_wdata[4:0]; count <= 0; status <= 0; message <= 0;
    end
    if (write && s_axil_awaddr == 16'h58 && !halt) begin
      if (!msix_enable) interrupts[s_axil_wdata[1:0]] <= 1;
      else if (!msix_mask && !registers[{1'b1, 1'b0, s_axil_wdata[1:0], 2'd3}][0] && !busy) begin
        writing <= 1; m_axi_awvalid <= 1; m_axi_wvalid <= 1; message <= 1; vector <= s_axil_wdata[1:0]; count <= 0;
      end
    end
    if (write && s_axil_awaddr == 16'h5c) interrupts <= 0;
    if (m_axi_arvalid && m_axi_arready) m_axi_arvalid <= 0;
    if (reading && m_axi_rvalid) begin
      held[count[3:0]] <= m_axi_rdata; count <= count + 5'd1; status[1:0] <= status[1:0] | m_axi_rresp;
      if (m_axi_rlast) begin
        reading <= 0; count <= 0;
        if ((status[1:0] | m_axi_rresp) != 0) status[8] <= 1;
        else begin writing <= 1; m_axi_awvalid <= 1; m_axi_wvalid <= 1; end
      end
    end
    if (m_axi_awvalid && m_axi_awready) m_axi_awvalid <= 0;
    if (m_axi_wvalid && m_axi_wready) begin
      count <= count + 5'd1;
      if (m_axi_wlast) begin m_axi_wvalid <= 0; writing <= 0; waiting <= 1; end
    end
    if (m_axi_bvalid) begin waiting <= 0; if (!message) begin status[8] <= 1; status[5:4] <= m_axi_bresp; end end
    if (reset) begin
      reading <= 0; writing <= 0; waiting <= 0; m_axi_arvalid <= 0; m_axi_awvalid <= 0; m_axi_wvalid <= 0; status <= 0; interrupts <= 0;
    end
  end
endmodule
