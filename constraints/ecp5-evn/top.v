// Lattice's ECP5 evaluation board: the oscillator, the button and the pins around `espalier_uart`.

module top (
    input        clock,    // 12 MHz
    input        button,   // low: reset
    input        uart_rx,
    output       uart_tx,
    output [3:0] led
);
    wire engine_clock;
    wire locked;

    // CLKOP = CLKI / CLKI_DIV * CLKFB_DIV = 12 * 3 = 36 MHz; the phase detector at 12 MHz (legal: 10 to 400), the VCO at
    // CLKOP * CLKOP_DIV = 576 MHz (legal: 400 to 800). 36 MHz is 12 times 3 Mbaud.
    // CLKOP_CPHASE is CLKOP_DIV - 1: no shift.
    (* FREQUENCY_PIN_CLKI="12" *) (* FREQUENCY_PIN_CLKOP="36" *)
    (* ICP_CURRENT="12" *) (* LPF_RESISTOR="8" *) (* MFG_ENABLE_FILTEROPAMP="1" *) (* MFG_GMCREF_SEL="2" *)
    EHXPLLL #(
        .CLKI_DIV(1),
        .CLKFB_DIV(3),
        .CLKOP_ENABLE("ENABLED"),
        .CLKOP_DIV(16),
        .CLKOP_CPHASE(15),
        .CLKOP_FPHASE(0),
        .FEEDBK_PATH("CLKOP"),
        .OUTDIVIDER_MUXA("DIVA"),
        .DPHASE_SOURCE("DISABLED"),
        .PLLRST_ENA("DISABLED"),
        .INTFB_WAKE("DISABLED"),
        .STDBY_ENABLE("DISABLED")
    ) pll (
        .CLKI(clock),
        .CLKFB(engine_clock),
        .CLKOP(engine_clock),
        .LOCK(locked),
        .RST(1'b0),
        .STDBY(1'b0),
        .PHASESEL0(1'b0),
        .PHASESEL1(1'b0),
        .PHASEDIR(1'b0),
        .PHASESTEP(1'b0),
        .PHASELOADREG(1'b0),
        .PLLWAKESYNC(1'b0),
        .ENCLKOP(1'b0)
    );

    reg [1:0] lock_seen = 2'b00;
    reg [1:0] button_seen = 2'b00;
    // Reset holds for 128 clocks behind lock and button.
    reg [7:0] hold = 8'd0;
    reg       reset = 1'b1;
    always @(posedge engine_clock) begin
        lock_seen <= {lock_seen[0], locked};
        button_seen <= {button_seen[0], button};
        if (!lock_seen[1] || !button_seen[1]) hold <= 8'd0;
        else if (!hold[7]) hold <= hold + 8'd1;
        reset <= !hold[7];
    end

    // The LEDs light up when low.
    wire [3:0] light;
    assign led = ~light;
    espalier_uart engine (
        .clock(engine_clock),
        .reset(reset),
        .uart_rx(uart_rx),
        .uart_tx(uart_tx),
        .led(light)
    );
endmodule
