"""Ghostscript: the same pixels of pages with gradients, curves, text, patterns and recursion."""

from harness import INPUTS, ProgramTest, find_program, main

DEVICES = {  # device: resolution
    "png16m": "150",
    "pnggray": "72",
    "png16malpha": "60",
    "pngmono": "100",
}


class Ghostscript(ProgramTest):
    def test_a_document_renders_to_the_same_bytes(self):
        gs = find_program("gs", "ghostscript")

        def scenario(session):
            for device, resolution in DEVICES.items():
                session.run([gs, "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-dTextAlphaBits=4", "-dGraphicsAlphaBits=4",
                             f"-sDEVICE={device}", f"-r{resolution}", f"-sOutputFile={device}-%d", INPUTS / "pages.ps"])
                for page in (1, 2, 3):
                    session.keep(f"{device}-{page}")

        self.same_under_both(scenario)

    def test_a_clist_with_rendering_threads_gives_the_same_bytes(self):
        gs = find_program("gs", "ghostscript")

        def scenario(session):
            session.run([gs, "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=png16m", "-r200", "-dMaxBitmap=100000",
                         "-dBufferSpace=400000", "-dNumRenderingThreads=4", "-sOutputFile=page-%d", INPUTS / "pages.ps"])
            for page in (1, 2, 3):
                session.keep(f"page-{page}")

        self.same_under_both(scenario)


if __name__ == "__main__":
    main()
